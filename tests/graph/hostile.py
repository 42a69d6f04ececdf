"""A small dump whose one file is made to do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError, UserError
from hetmusic.graph import validate_graph
from hetmusic.graph.build import build_graph
from kg_schema.dump import DumpSpec

GOOD = "u,s,n,t\na,x,1,1\nb,y,2,2\n"


def spec(entry: dict[str, Any], **edge: Any) -> DumpSpec:
    """Who played what, in one file ``l``."""
    value = {
        "name": "bad",
        "item": "song",
        "files": {"l": entry},
        "nodes": {"user": [{"file": "l", "key": "u"}], "song": [{"file": "l", "key": "s"}]},
        "edges": [{"relation": "likes", "file": "l", "src": "u", "dst": "s", **edge}],
    }
    return DumpSpec.model_validate(value)


def refused(raw: Path, dump: DumpSpec, message: str) -> None:
    """Fail unless there is one clear error, and nothing is left behind."""
    before = sorted(path.name for path in raw.parent.iterdir())
    with pytest.raises(DataError, match=message) as caught:
        build_graph(dump, raw, raw.parent / "graph")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in raw.parent.iterdir()) == before


def outcome(dump: DumpSpec, raw: Path, out: Path) -> str:
    """The error of a build, empty if there is a graph, which then is valid; any other exception is a failure."""
    try:
        build_graph(dump, raw, out)
    except UserError as error:
        message = str(error)
    else:
        message = ""
        assert [str(found) for found in validate_graph(out).errors] == []
    assert "\n" not in message
    assert out.exists() == (message == "")
    return message
