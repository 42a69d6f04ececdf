"""Merging the rows of pairs, against a dictionary filled row by row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.graph import pair_sorting
from hetmusic.graph.build_report import LINE
from hetmusic.graph.merging import PairRows, Rule, merge_frame
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


@pytest.fixture(params=["at once", "in chunks", "in many chunks", "by the order"])
def sorting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways of sorting that the number of rows and nodes decides on, with arrays that are soon full."""
    if request.param != "at once":
        monkeypatch.setattr(pair_sorting, "_CHUNK_BITS", 2 if request.param == "in chunks" else 0)
        monkeypatch.setattr(pair_sorting, "_MOST_CHUNKS_BITS", -1 if request.param == "by the order" else 4)
        monkeypatch.setattr(pair_sorting, "_PART", 3)
        monkeypatch.setattr(pair_sorting, "_BLOCK", 2)


@pytest.mark.usefixtures("sorting")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_weights_that_float32_cannot_hold_are_summed_as_they_are() -> None:
    """Up to the batch where they come, weights take half the memory."""
    pairs = PairRows(4, 2, 2, ("weight",))
    pairs.add(_frame([(0, 0, 1.0, None), (0, 1, 0.5, None)]))
    assert pairs._values["weight"].dtype == np.float32
    pairs.add(_frame([(0, 0, 16_777_217.0, None), (1, 1, 0.1, None)]))
    merged = pairs.merge("sum").pairs
    assert merged["weight"].to_list() == [16_777_218.0, 0.5, np.float32(0.1)]


@pytest.mark.parametrize("more", [0, 1, 6])
def test_numbers_of_64_bits_and_more(more: int) -> None:
    """As many nodes and rows as the numbers have room for, or more, so that chunks tell the first bits apart."""
    size = 1 << pair_sorting._CHUNK_BITS
    num_src, num_dst = 1 << (pair_sorting._BITS - pair_sorting._CHUNK_BITS - 22 + more), 1 << 22
    sorter = pair_sorting.PairSorter(size, num_src, num_dst)
    src = np.array([num_src - 1, 0, num_src - 1, 0, 0], np.int32)
    dst = np.array([num_dst - 1, 7, 0, num_dst - 1, 7], np.int32)
    sorter.add(src[:2], dst[:2])
    sorter.add(src[2:], dst[2:])
    assert len(sorter._chunks) == 1 << more
    order, codes = (np.concatenate(parts) for parts in zip(*sorter.blocks(), strict=True))
    assert order.tolist() == [1, 4, 3, 2, 0]
    assert [ends.tolist() for ends in sorter.split(codes)] == [src[order].tolist(), dst[order].tolist()]


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
