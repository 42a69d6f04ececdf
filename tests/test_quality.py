"""Format, lint, types and the direction of imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=lambda command: " ".join(command),
)
def test_clean(command):
    done = subprocess.run(
        [SCRIPTS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_dgl_is_imported_in_one_module_only():
    importers = [
        path.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("hetmusic/**/*.py"), *ROOT.glob("kg_schema/**/*.py")]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(("import dgl", "from dgl"))
    ]
    assert set(importers) == {"hetmusic/_dgl.py"}


def test_kg_schema_needs_neither_torch_nor_dgl():
    code = "import sys, kg_schema.dump, kg_schema.ontology, kg_schema.vocab; print({'torch', 'dgl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
