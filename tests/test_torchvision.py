"""The torchvision shim: it imports beside a torch that its compiled operators were not made for."""

from __future__ import annotations

import os
from functools import partial

import pytest

from hetmusic._torchvision import operators_available
from tests.cli import running

#: runs code of which no warning is let pass
python = partial(running.python, PYTHONWARNINGS="error")


def test_own_import_works_afterwards():
    done = python(
        "from hetmusic._torchvision import make_importable; make_importable(); make_importable()\n"
        "import torch, torchvision\n"
        "print(torchvision.models.resnet18().eval()(torch.zeros(1, 3, 32, 32)).shape[1])"
    )
    assert done.stdout.strip() == "1000", done.stderr


@pytest.mark.skipif(operators_available(), reason="torchvision's operators were made for this torch")
def test_without_it_the_import_fails_and_with_it_operators_say_so():
    assert "does not exist" in python("import torchvision").stderr
    done = python(
        "from hetmusic._torchvision import make_importable; make_importable()\n"
        "import torch, torchvision\n"
        "torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"
    )
    assert "Couldn't load custom C++ ops" in done.stderr


def fake(folder, registrations):
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("from torchvision import _meta_registrations")
    (package / "_meta_registrations.py").write_text(f"import torch\n{registrations}")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def test_every_operator_that_a_version_names_gets_a_placeholder(tmp_path):
    environment = fake(
        tmp_path,
        "@torch.library.register_fake('torchvision::first')\ndef one(x): ...\n"
        '@torch.library.register_fake("torchvision::second")\ndef two(x): ...\n',
    )
    assert "torchvision::first does not exist" in python("import torchvision", **environment).stderr
    done = python(
        "from hetmusic._torchvision import make_importable; make_importable(); import torchvision; print('good')",
        **environment,
    )
    assert done.stdout.strip() == "good", done.stderr


def test_nothing_happens_without_torchvision():
    done = python(
        "import importlib.util as u; u.find_spec = lambda name: None\n"
        "from hetmusic import _torchvision as shim; shim.make_importable(); print(shim.operators_available())"
    )
    assert done.stdout.strip() == "False", done.stderr
