"""``hetmusic demo`` and ``doctor``."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.cli.running import hetmusic, python


def test_demo(tmp_path):
    done = python(
        "import sys; from hetmusic.cli import main; main(sys.argv[1:])", "demo", "--out", tmp_path / "demo"
    )
    assert done.returncode == 0, done.stderr
    numbers = re.search(
        r"test part (\S+), by popularity (\S+), best possible .* (\S+)$", done.stdout, re.MULTILINE
    )
    assert numbers is not None, done.stdout
    model, popularity, best = map(float, numbers.groups())
    assert 2 * popularity < model < best
    assert re.search(r"^ndcg( +0\.\d{4}){4}$", done.stdout, re.MULTILINE)
    assert "user u001\nrank " in done.stdout
    evaluated = hetmusic("evaluate", tmp_path / "demo" / "run", "--json").json
    assert evaluated["ndcg@10"] == pytest.approx(model, abs=1e-4)
    assert evaluated["leakage"]["clean"] is True, "the run finds its graph after the folder was renamed"


def test_doctor():
    shown = hetmusic("doctor").succeeded().out
    assert re.search(r"^ +ok  torch: \d", shown, re.MULTILINE)
    assert re.search(r"^ +ok  message passing: ", shown, re.MULTILINE)
    checks = {check["name"]: check for check in hetmusic("doctor", "--json").json}
    assert checks["DGL import"]["status"] == "ok"
    assert all(check["status"] in ("ok", "missing") for check in checks.values())
    assert all(check["advice"] for check in checks.values() if check["status"] == "missing")


DOCTOR = "from hetmusic.cli import main; main(['doctor', '--json'])"


def test_doctor_with_a_broken_dgl(tmp_path):
    (tmp_path / "dgl").mkdir()
    (tmp_path / "dgl" / "__init__.py").write_text("raise OSError('libdgl.so: undefined symbol')")
    done = python(DOCTOR, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["DGL import"]["status"] == "broken"
    assert "libdgl.so: undefined symbol" in checks["DGL import"]["detail"]
    assert "pip install" in checks["DGL import"]["advice"]
    assert checks["message passing"]["status"] == "broken"
    assert checks["torch"]["status"] == "ok"


@pytest.mark.parametrize("package", ["dgl", "torch"])
def test_doctor_without_a_package(package, tmp_path):
    hide = (
        "import importlib.metadata as m, importlib.util as u, sys\n"
        f"find, version = u.find_spec, m.version\nsys.modules[{package!r}] = None\n"
        f"def hidden(name):\n    if name == {package!r}: raise m.PackageNotFoundError(name)\n    return version(name)\n"
        f"u.find_spec = lambda name, *a: None if name == {package!r} else find(name, *a)\nm.version = hidden\n"
    )
    done = python(hide + DOCTOR)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks[package] == {
        "name": package,
        "status": "broken",
        "detail": "not installed",
        "advice": checks[package]["advice"],
    }
    assert re.search(rf"pip install '{package}[<>]", checks[package]["advice"])
    assert checks["message passing"]["status"] == "broken"
    fitting = python(hide + "from hetmusic.cli import main; main(['fit', 'g', '--out', 'r'])")
    assert fitting.returncode == 1
    assert "Traceback" not in fitting.stderr
    assert fitting.stderr.count("error: ") == 1
    assert package == "dgl" or "torch is not installed; `hetmusic doctor`" in fitting.stderr


def test_openmp_threads_wait_without_spinning(monkeypatch):

    monkeypatch.setenv("OMP_WAIT_POLICY", "x")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    hetmusic("--version")
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    hetmusic("--version")
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_doctor_with_a_gpu(monkeypatch):
    """Made up: two GPUs beside DGL's CPU wheel."""
    import torch

    from hetmusic import doctor

    for name, value in {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "get_device_name": lambda index: "H100",
        "is_bf16_supported": lambda including_emulation: True,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    found = doctor._gpu()
    assert found.status == "ok"
    assert "H100, H100 (CUDA" in found.detail
    assert "with bfloat16" in found.detail
    assert "torchrun trains on all of them" in found.detail
    dgl = doctor._dgl_on_gpu()
    assert dgl.status == "missing"
    assert 'DGL is a CPU build, which device = "cuda" does not mind' in dgl.detail
    assert dgl.advice.startswith("nothing to do, unless")
