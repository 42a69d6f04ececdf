"""A published split, read from a file of pairs and labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from hetmusic.errors import SplitError
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import EXTRA, TEST, TRAIN, UNUSED, VALID, Split, split_from_file
from tests.graphs import make_graph

HEADER = "userID\titemID\trating\tx_label\n"
GOOD = HEADER + "u0\ta0\t1\t0\nu0\ta2\t1\t1\nu1\ta1\t1\t2\n"


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "g", [(0, 0), (0, 1), (0, 2), (1, 1), (1, 3)], artists=6)


def _file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "split.inter"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\t", ","),
        GOOD.rstrip("\n"),
        "\ufeff" + GOOD,
        "x_label\titemID\tuserID\n0\ta0\tu0\n2\ta1\tu1\n1\ta2\tu0\n",
    ],
)
def test_reads(graph: MusicGraph, tmp_path: Path, text: str) -> None:
    split = split_from_file(graph, _file(tmp_path, text))
    assert split.part.tolist() == [TRAIN, UNUSED, VALID, TEST, UNUSED]
    assert split.counts == {"train": 1, "valid": 1, "test": 1, "unused": 2}
    assert split.items is not None
    assert split.items.tolist() == [0, 1, 2]


def test_catalogue_survives_saving(graph: MusicGraph, tmp_path: Path) -> None:
    split_from_file(graph, _file(tmp_path, GOOD)).save(tmp_path / "saved")
    loaded = Split.load(tmp_path / "saved", graph)
    assert loaded.items is not None
    assert loaded.items.tolist() == [0, 1, 2]
    assert loaded.info["file"] == "split.inter"


def test_the_whole_catalogue(graph: MusicGraph, tmp_path: Path) -> None:
    assert split_from_file(graph, _file(tmp_path, GOOD), catalogue="all").items is None


def test_other_interactions_to_learn_from(graph: MusicGraph, tmp_path: Path) -> None:
    split = split_from_file(graph, _file(tmp_path, GOOD), others="train")
    assert split.part.tolist() == [TRAIN, EXTRA, VALID, TEST, EXTRA]
    assert split.counts == {"train": 1, "valid": 1, "test": 1, "unused": 0, "extra": 2}
    assert list(zip(split.train.src, split.train.dst, strict=True)) == [(0, 0), (0, 1), (1, 3)]
    assert split.items is not None
    assert split.items.tolist() == [0, 1, 2], "artist 3 is learned from, but is no candidate"
    split.save(tmp_path / "saved")
    assert Split.load(tmp_path / "saved", graph).part.tolist() == split.part.tolist()


def test_other_columns_and_labels(graph: MusicGraph, tmp_path: Path) -> None:
    path = _file(tmp_path, "who,what,part\nu0,a0,train\nu1,a1,test\n")
    labels = {"train": TRAIN, "test": TEST}
    split = split_from_file(graph, path, user="who", item="what", label="part", labels=labels)
    assert split.part.tolist() == [TRAIN, UNUSED, UNUSED, TEST, UNUSED]


def test_keys_with_quotes(tmp_path: Path) -> None:
    """A tab-separated file has no quoting, a comma-separated one has."""
    graph = make_graph(tmp_path / "g", [(0, 0)])
    with pytest.raises(SplitError, match="item '\"a0\"'"):
        split_from_file(graph, _file(tmp_path, HEADER + 'u0\t"a0"\t1\t0\n'))
    path = _file(tmp_path, 'userID,itemID,x_label\n"u0","a0","0"\n')
    assert split_from_file(graph, path).part.tolist() == [TRAIN]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "userID\titemID\tlabel\nu0\ta0\t0\n",
            r"no column 'x_label' \(did you mean 'label'\?\); its header is",
        ),
        ("", "no column 'userID'"),
        (HEADER, "has a header but no rows"),
        (
            GOOD + "u1\ta3\t1\t3\n",
            "1 of 4 rows .* x_label is not one of 0, 1, 2; first: line 5, user 'u1', item 'a3'",
        ),
        (
            GOOD + "u0\ta0\t1\t2\n",
            "1 of 4 rows .* listed before; first: line 5, user 'u0', item 'a0', label '2'",
        ),
        (
            GOOD + "u1\ta0\t1\t0\nu9\ta9\t1\t0\n",
            "2 of 5 rows .* no such likes edge .* first: line 5, user 'u1'",
        ),
        (GOOD + "u9\ta9\t1\t0\n", "unknown are 1 of 3 users and 1 of 4 items"),
        (GOOD + "u1\ta3\t1\t\n", "1 of 4 rows .* a field is empty; first: line 5"),
        (GOOD + "u1\ta3\t1\n", "line 5"),
        (GOOD + "u1\ta3\t1\t2\t9\n", "cannot be read as a table"),
        (GOOD.encode() + b"u1\t\xff\t1\t0\n", "cannot be read as a table"),
        (b"PK\x03\x04\xff\xfe", "cannot be read as a table"),
    ],
)
def test_refuses(graph: MusicGraph, tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SplitError, match=message) as caught:
        split_from_file(graph, _file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_missing_file(graph: MusicGraph, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="does not exist"):
        split_from_file(graph, tmp_path / "nowhere.inter")
    with pytest.raises(SplitError, match="cannot be read"):
        split_from_file(graph, tmp_path)
