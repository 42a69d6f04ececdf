"""Readers of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

from hetmusic.errors import SchemaError
from hetmusic.graph.raw.readers import Reader
from hetmusic.graph.raw.source import LINE, Source
from tests.graph.formats import EXPECTED, build, likes, spec


class Halves(Reader):
    """A line ``a-x-2`` per row, and a vector of three numbers."""

    columns: ClassVar = {"who": "user", "what": "song", "n": "plays", "shape": "a vector"}
    vectors: ClassVar = {"shape": ["length", "one", "plays"]}

    def __init__(self, sign: str = "-") -> None:
        self.sign = sign

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        assert set(columns) <= {"who", "what", "n", "shape"}
        for line, row in enumerate(source.path.read_text().splitlines(), 1):
            fields = row.split(self.sign)
            if len(fields) != 3:
                source.count_lines("dropped", "no row", [line])
                continue
            vector = None if fields[2] == "9" else [len(row), 1.0, float(fields[2])]
            shape = pl.Series("shape", [vector], pl.Array(pl.Float32, 3))
            frame = pl.DataFrame({"who": fields[:1], "what": fields[1:2], "n": fields[2:]})
            yield frame.with_columns(shape, pl.lit(line, pl.Int64).alias(LINE)).select(LINE, *columns)


READER = f"{__name__}:Halves"


def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a+x+2\nwhat?\nb+y+3\nc+z+9\na+y+4\n")
    features = {"song": {"shape": {"file": "plays", "key": "what", "columns": ["shape", "n"]}}}
    graph, report = build(
        spec({"path": "p.txt", "reader": READER, "options": {"sign": "+"}}, features=features), tmp_path
    )
    assert likes(graph) == {*EXPECTED, ("c", "z", 9.0), ("a", "y", 4.0)}
    shape = graph.modality("song", "shape")
    assert shape.present.tolist() == [True, True, False]
    assert shape.values[:2].tolist() == [[5.0, 1.0, 2.0, 2.0], [5.0, 1.0, 3.0, 3.0]]
    assert shape.info["dimensions"] == ["length", "one", "plays", "n"]
    reasons = {(f.part, f.reason): f.first_lines for f in report.findings}
    assert reasons == {
        ("file", "no row"): [2],
        ("features song shape", "blank value"): [4],
        ("features song shape", "repeated song"): [5],
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"reader": "nosuch"}, "files.plays.reader: no reader is called 'nosuch'"),
        ({"reader": READER, "options": {"sing": "+"}}, r"no argument 'sing' \(did you mean 'sign'\?\)"),
        ({"reader": "tests.graph.formats:spec"}, "is not a reader"),
    ],
)
def test_readers_that_do_not_exist(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    (tmp_path / "p.txt").write_text("a-x-2\n")
    with pytest.raises(SchemaError, match=message):
        build(spec({"path": "p.txt", **entry}), tmp_path)


def test_column_that_a_reader_lacks(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a-x-2\n")
    features = {"song": {"shape": {"file": "plays", "key": "what", "columns": ["shap"]}}}
    with pytest.raises(SchemaError, match=r"has no column 'shap' \(did you mean 'shape'\?\)"):
        build(spec({"path": "p.txt", "reader": READER}, features=features), tmp_path)
