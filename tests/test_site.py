"""The documentation as a site: it builds without a warning, from these files alone, and names everything there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import griffe
import pytest

from hetmusic.cli._main import COMMANDS
from hetmusic.relations import relation_encoders

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", out],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*.html")}


def test_every_page_and_example_is_there(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {page.as_posix() for page in pages} <= set(site)
    examples = {f"examples/{path.stem}.html" for path in (ROOT / "examples").glob("*.py")}
    assert examples | {"examples/encoder_package.html", "changelog.html"} <= set(site)


def test_every_command_is_in_the_reference(site):
    for command in COMMANDS:
        assert re.search(rf"<h3[^>]*>hetmusic {command}<", site["reference/cli.html"]), command


def test_every_built_in_encoder_is_in_the_reference(site):
    for name, cls in relation_encoders.classes.items():
        assert f"hetmusic.relations.encoders.{cls.__name__}" in site["reference/relations.html"], name


def test_no_role_of_sphinx_is_left(site):
    for page, text in site.items():
        if page.startswith("reference/"):
            assert not re.search(r":(class|meth|func|mod|exc):", text), page


def test_nothing_is_loaded_from_elsewhere(site):
    for page, text in site.items():
        loaded = re.findall(
            r"<(?:script|img|link rel=\"stylesheet\")[^>]*(?:src|href)=\"(https?:[^\"]*)", text
        )
        assert not loaded, (page, loaded)


def test_roles_become_code():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import docstrings
    finally:
        sys.path.pop(0)
    said = docstrings.without_roles(
        "A :class:`~hetmusic.graph.Split`, see :meth:`open` and :py:func:`a.b`; `x`."
    )
    assert said == "A `Split`, see `open` and `a.b`; `x`."
    assert issubclass(docstrings.Roles, griffe.Extension)
