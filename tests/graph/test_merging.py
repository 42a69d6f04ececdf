"""Merging the rows of pairs, against a dictionary filled row by row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.graph.build_report import LINE
from hetmusic.graph.merging import Rule, merge_frame
from hetmusic.graph.pair_order import increase, pair_codes

ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([0, 1, 2, 2**31 - 1]),
        st.integers(-40, 40).map(lambda n: n / 4),
        st.none() | st.integers(-5, 5),
    ),
    max_size=12,
)


def _frame(rows: list[tuple[int, int, float, int | None]]) -> pl.DataFrame:
    schema = {"src": pl.Int32, "dst": pl.Int32, "weight": pl.Float64, "time": pl.Int64}
    frame = pl.DataFrame(rows, schema, orient="row").with_row_index(LINE, 10)
    return frame.with_columns(pl.col(LINE).cast(pl.Int64))


@settings(max_examples=200, deadline=None)
@given(rows=ROWS)
@pytest.mark.parametrize("rule", ["sum", "max"])
def test_merging_is_what_a_dictionary_does(
    rows: list[tuple[int, int, float, int | None]], rule: Rule
) -> None:
    expected: dict[tuple[int, int], list[float | int | None]] = {}
    again = []
    for line, (src, dst, weight, time) in enumerate(rows, 10):
        if (src, dst) not in expected:
            expected[src, dst] = [line, weight, time]
            continue
        again.append(line)
        _, known, latest = known_values = expected[src, dst]
        known_values[1] = known + weight if rule == "sum" else max(known, weight)  # type: ignore[operator, type-var]
        known_values[2] = latest if time is None else time if latest is None else max(latest, time)
    merged = merge_frame(_frame(rows), rule)
    found = {(src, dst): [line, weight, time] for src, dst, weight, time, line in merged.pairs.rows()}
    assert found == expected
    assert list(found) == sorted(found)
    assert merged.again[LINE].to_list() == again


def test_pairs_without_weight_and_time() -> None:
    rows = pl.DataFrame(
        {LINE: [1, 2, 3], "src": [1, 0, 1], "dst": [5, 9, 5]},
        {LINE: pl.Int64, "src": pl.Int32, "dst": pl.Int32},
    )
    merged = merge_frame(rows, "sum")
    assert merged.pairs.to_dicts() == [{"src": 0, "dst": 9, LINE: 2}, {"src": 1, "dst": 5, LINE: 1}]
    assert merged.pairs.schema["src"] == merged.pairs.schema["dst"] == pl.Int32
    assert merged.again[LINE].to_list() == [3]


def test_codes_of_wrong_indices_differ_too() -> None:
    """The writer compares codes before it knows whether the indices are those of nodes."""
    src, dst = pl.Series([0, 1, 1, -1], dtype=pl.Int32), pl.Series([-1, -1, 0, 2**31 - 1], dtype=pl.Int32)
    assert len(set(pair_codes(src, dst).tolist())) == 4


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_order_of_pairs(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr("hetmusic.graph.pair_order._ROWS", rows)
    src, dst = pl.Series([0, 0, 1, 1, 2], dtype=pl.Int32), pl.Series([3, 5, 0, 2, 2], dtype=pl.Int32)
    assert increase(src, dst)
    assert increase(src.clear(), dst.clear())
    for at in range(1, 5):
        same = [*range(at), at - 1, *range(at + 1, 5)]
        assert not increase(src.gather(same), dst.gather(same)), "a pair twice"
    assert not increase(src.reverse(), dst)
    assert not increase(pl.Series([0, 0], dtype=pl.Int32), pl.Series([7, 7], dtype=pl.Int32))
