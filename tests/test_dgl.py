"""The DGL shim: DGL works beside a torch it has no GraphBolt library for, and says so when it cannot."""

from __future__ import annotations

import sys

import pytest
import torch

from hetmusic._dgl import dgl, graphbolt_available
from tests.cli.running import python


def test_own_import_works_afterwards():
    done = python(
        "import hetmusic._dgl; import dgl; import dgl.nn.pytorch; print(dgl.graph(([0], [1])).num_edges())"
    )
    assert done.stdout.strip() == "1", done.stderr


@pytest.mark.skipif(graphbolt_available(), reason="this DGL has a GraphBolt library for this torch")
def test_placeholder_explains_itself():
    with pytest.raises(AttributeError, match="no GraphBolt library for the running torch"):
        _ = sys.modules["dgl.graphbolt"].SamplingGraph


def test_dgl_convolutions_and_sampling_work():
    graph = dgl.heterograph({("user", "likes", "song"): ([0, 1, 1], [0, 0, 1])})
    layer = dgl.nn.pytorch.SAGEConv((3, 3), 2, "mean")
    out = layer(graph, (torch.ones(2, 3), torch.ones(2, 3)))
    assert out.shape == (2, 2)
    block = dgl.to_block(dgl.sampling.sample_neighbors(graph, {"song": [0]}, 1), {"song": [0]})
    assert block.num_edges() == 1


def broken_dgl(folder, content):
    package = folder / "dgl"
    package.mkdir()
    (package / "__init__.py").write_text(content)
    return str(folder)


def test_broken_dgl_is_explained(tmp_path):
    path = broken_dgl(tmp_path, "raise OSError('libdgl.so: undefined symbol')")
    done = python("import hetmusic._dgl", PYTHONPATH=path)
    assert "DGL is installed but cannot be imported (OSError: libdgl.so: undefined symbol)" in done.stderr
    assert "hetmusic doctor" in done.stderr


def test_broken_dgl_stays_broken(tmp_path):
    """Half of a failed import must not pass for DGL the second time."""
    path = broken_dgl(tmp_path, "import sys\nfrom dgl import backend\nraise OSError('broken')")
    (tmp_path / "dgl" / "backend.py").write_text("")
    code = (
        "import importlib\nfor _ in range(2):\n    try:\n        importlib.import_module('hetmusic._dgl')\n"
        "    except Exception as error:\n        print(type(error).__name__)"
    )
    assert python(code, PYTHONPATH=path).stdout.split() == ["EnvironmentProblem"] * 2


def test_absent_dgl_is_explained(tmp_path):
    code = (
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'dgl' else find(name, *a)\nimport hetmusic._dgl"
    )
    done = python(code)
    assert "DGL is not installed: run `pip install" in done.stderr
