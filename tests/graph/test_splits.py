"""Every strategy: what it promises on small graphs, and that a split survives its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hetmusic.errors import SplitError
from hetmusic.graph import Edges, EdgeType, MusicGraph
from hetmusic.graph.splits import (
    STRATEGIES,
    TEST,
    TRAIN,
    UNUSED,
    VALID,
    Split,
    cold_items_split,
    kfold_split,
    leave_last_out_split,
    random_split,
    time_split,
)
from tests.graphs import LIKES, make_graph


class FakeGraph:
    """As much of a graph as a split needs, without a folder."""

    name = "fake"
    interaction = LIKES
    user_type, item_type = "user", "artist"

    def __init__(self, pairs: set[tuple[int, int]], times: list[int] | None = None) -> None:
        rows = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
        time = None if times is None else np.array(times[: len(rows)], dtype=np.int64)
        self.interactions = Edges(rows[:, 0].copy(), rows[:, 1].copy(), None, time)

    def num_nodes(self, node_type: str) -> int:
        ends = {"user": self.interactions.src, "artist": self.interactions.dst}[node_type]
        return int(ends.max(initial=-1)) + 1


def _sizes(n_by_user: list[int]) -> FakeGraph:
    return FakeGraph({(user, item) for user, n in enumerate(n_by_user) for item in range(n)})


def _by_user(split: Split, user: int) -> list[int]:
    parts = split.part[split.interactions.src == user]
    return [int((parts == part).sum()) for part in (TRAIN, VALID, TEST)]


PAIRS = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 25)), min_size=4, max_size=120)
SEEDS = st.integers(0, 2**32 - 1)
DRAWN: list[Callable[[Any, int], Split]] = [
    lambda g, seed: random_split(g, seed=seed),
    lambda g, seed: kfold_split(g, k=3, fold=1, seed=seed),
    lambda g, seed: kfold_split(g, k=2, fold=0, seed=seed, valid_ratio=0.5, by="row"),
    lambda g, seed: cold_items_split(g, share=0.2, seed=seed, valid_share=0.2),
]


@pytest.mark.parametrize("draw", DRAWN)
@settings(max_examples=40, deadline=None)
@given(pairs=PAIRS, seed=SEEDS)
def test_parts_partition_the_interactions(draw: Callable[[Any, int], Split], pairs: Any, seed: int) -> None:
    graph = FakeGraph(pairs)
    try:
        split = draw(graph, seed)
    except SplitError:
        assert len({item for _, item in pairs}) < 3
        return
    parts = [split.train, split.valid, split.test]
    rows = [pair for part in parts for pair in zip(part.src.tolist(), part.dst.tolist(), strict=True)]
    assert sorted(rows) == sorted(pairs)
    assert len(rows) == len(pairs)
    again = draw(graph, seed)
    assert np.array_equal(split.part, again.part)
    assert split.info == again.info == json.loads(json.dumps(split.info))


@pytest.mark.parametrize("draw", [DRAWN[0], DRAWN[1], DRAWN[3]])
def test_seeds_differ(draw: Callable[[Any, int], Split]) -> None:
    graph = _sizes([20, 30, 40])
    assert not np.array_equal(draw(graph, 1).part, draw(graph, 2).part)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, [1, 0, 0]),
        (2, [1, 0, 1]),
        (3, [1, 1, 1]),
        (9, [7, 1, 1]),
        (10, [8, 1, 1]),
        (19, [17, 1, 1]),
        (20, [16, 2, 2]),
    ],
)
def test_rounding_of_protocol_p1(n: int, expected: list[int]) -> None:
    assert _by_user(random_split(_sizes([n])), 0) == expected  # type: ignore[arg-type]


def test_shares_are_not_cut_short_by_floating_point() -> None:
    assert 0.29 * 100 < 29
    assert _by_user(random_split(_sizes([100]), (0.42, 0.29, 0.29)), 0) == [42, 29, 29]  # type: ignore[arg-type]


def _recbole(n: int, ratios: tuple[float, float, float]) -> list[int]:
    """The rounding as a loop over one user: from the words of protocol P1."""
    valid, test = int(ratios[1] * n + 1e-9), int(ratios[2] * n + 1e-9)
    train = n - valid - test
    if test == 0 and ratios[2] > 0 and train > 1:
        train, test = train - 1, 1
    if valid == 0 and ratios[1] > 0 and train > 1:
        train, valid = train - 1, 1
    return [train, valid, test]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    ratios=st.sampled_from(
        [(0.8, 0.1, 0.1), (0.7, 0.1, 0.2), (0.42, 0.29, 0.29), (0.9, 0.0, 0.1), (1.0, 0, 0)]
    ),
    seed=SEEDS,
)
def test_random_counts_per_user(sizes: list[int], ratios: tuple[float, float, float], seed: int) -> None:
    split = random_split(_sizes(sizes), ratios, seed)  # type: ignore[arg-type]
    for user, n in enumerate(sizes):
        assert _by_user(split, user) == _recbole(n, ratios)


def test_random_split_favours_no_item() -> None:
    graph = _sizes([10])
    tested = [random_split(graph, seed=seed).test.dst[0] for seed in range(2000)]  # type: ignore[arg-type]
    assert np.bincount(tested, minlength=10).min() > 140
    assert np.bincount(tested, minlength=10).max() < 260


@pytest.mark.parametrize("ratios", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1), (0.0, 0.5, 0.5)])
@pytest.mark.parametrize("split", [random_split, time_split])
def test_bad_ratios(split: Callable[..., Split], ratios: tuple[float, ...]) -> None:
    with pytest.raises(SplitError, match="must sum to 1"):
        split(FakeGraph({(0, 0), (0, 1)}, [1, 2]), ratios)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "file"])
def test_no_interactions(name: str) -> None:
    with pytest.raises(SplitError, match="graph fake has no user__likes__artist edges to split"):
        STRATEGIES[name](FakeGraph(set(), []))


@pytest.mark.parametrize("by", ["user", "row"])
@settings(max_examples=30, deadline=None)
@given(pairs=PAIRS, seed=SEEDS, k=st.integers(2, 4))
def test_folds_cover_everything_once(by: Any, pairs: Any, seed: int, k: int) -> None:
    graph: Any = FakeGraph(pairs)
    tested = sum((kfold_split(graph, k, fold, seed, by=by).part == TEST).astype(int) for fold in range(k))
    assert np.all(tested == 1)


def test_folds_of_a_user_differ_by_at_most_one() -> None:
    graph: Any = _sizes([1, 4, 7, 11])
    for user in range(4):
        sizes = [_by_user(kfold_split(graph, 3, fold, seed=5), user)[TEST] for fold in range(3)]
        assert max(sizes) - min(sizes) <= 1


def test_users_with_one_interaction_are_spread_over_the_folds() -> None:
    graph: Any = _sizes([1] * 900)
    sizes = [len(kfold_split(graph, 3, fold).test) for fold in range(3)]
    assert min(sizes) > 240


def test_fold_by_row_is_the_row_modulo_k() -> None:
    split = kfold_split(_sizes([5, 6]), k=4, fold=3, by="row", valid_ratio=0.0)  # type: ignore[arg-type]
    assert np.flatnonzero(split.part == TEST).tolist() == [3, 7]
    assert split.counts == {"train": 9, "valid": 0, "test": 2, "unused": 0}


def test_validation_of_a_fold_comes_from_the_rest() -> None:
    split = kfold_split(_sizes([50]), k=5, fold=0, valid_ratio=0.25)  # type: ignore[arg-type]
    assert _by_user(split, 0) == [30, 10, 10]


@pytest.mark.parametrize(
    "options", [{"k": 1}, {"k": 99}, {"fold": 5}, {"fold": -1}, {"valid_ratio": 1.0}, {"by": "x"}]
)
def test_bad_folds(options: dict[str, Any]) -> None:
    with pytest.raises(SplitError):
        kfold_split(_sizes([9]), **options)  # type: ignore[arg-type]


def test_leave_last_out() -> None:
    pairs = {(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (2, 4)}
    split = leave_last_out_split(FakeGraph(pairs, [5, 9, 9, 1, 3, 2, 0]))  # type: ignore[arg-type]
    # user 0: items 1 and 2 share the latest time, the higher index is later; user 1 validates on nothing
    assert split.part.tolist() == [TRAIN, VALID, TEST, TRAIN, TEST, TRAIN, TRAIN]


@settings(max_examples=40, deadline=None)
@given(pairs=PAIRS, times=st.lists(st.integers(0, 9), min_size=120, max_size=120))
def test_nothing_left_out_is_older_than_training(pairs: Any, times: list[int]) -> None:
    graph = FakeGraph(pairs, times)
    split = leave_last_out_split(graph)  # type: ignore[arg-type]
    for user in np.unique(graph.interactions.src):
        mine = {
            part: split.select(part).select(split.select(part).src == user) for part in (TRAIN, VALID, TEST)
        }
        assert len(mine[TEST]) == min(1, len(mine[TRAIN]) + len(mine[TEST]) - 1)
        assert len(mine[VALID]) == (1 if sum(map(len, mine.values())) > 2 else 0)
        latest = [_time(part).max(initial=-1) for part in mine.values()]
        assert latest[0] <= latest[2] or not len(mine[TEST])
        assert latest[1] <= latest[2] or not len(mine[TEST])
        assert latest[0] <= latest[1] or not len(mine[VALID])


def _time(edges: Edges) -> NDArray[np.int64]:
    assert edges.time is not None
    return edges.time


def test_time_split() -> None:
    pairs = {(0, item) for item in range(10)}
    split = time_split(FakeGraph(pairs, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), (0.6, 0.2, 0.2))  # type: ignore[arg-type]
    assert split.part.tolist() == [TRAIN] * 6 + [VALID] * 2 + [TEST] * 2


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, times=st.lists(st.integers(0, 30), min_size=120, max_size=120))
def test_time_split_never_looks_ahead(pairs: Any, times: list[int]) -> None:
    graph: Any = FakeGraph(pairs, times)
    try:
        split = time_split(graph)
    except SplitError as error:
        assert "different times" in str(error)  # noqa: PT017
        return
    train, valid, test = (_time(part) for part in (split.train, split.valid, split.test))
    assert train.max() < valid.min() <= valid.max() < test.min()


def test_time_split_without_validation() -> None:
    graph: Any = FakeGraph({(0, item) for item in range(10)}, list(range(10)))
    assert time_split(graph, (0.7, 0.0, 0.3)).counts == {"train": 7, "valid": 0, "test": 3, "unused": 0}


@pytest.mark.parametrize("split", [time_split, leave_last_out_split])
def test_no_times(split: Callable[..., Split]) -> None:
    with pytest.raises(SplitError, match="has no time on its user__likes__artist edges"):
        split(FakeGraph({(0, 0), (0, 1)}))


@settings(max_examples=40, deadline=None)
@given(pairs=PAIRS, seed=SEEDS)
def test_cold_items_are_in_one_part_only(pairs: Any, seed: int) -> None:
    graph: Any = FakeGraph(pairs)
    items = len({item for _, item in pairs})
    if items < 3:
        return
    split = cold_items_split(graph, share=0.3, seed=seed, valid_share=0.1)
    by_part = [set(part.dst.tolist()) for part in (split.train, split.valid, split.test)]
    assert sum(map(len, by_part)) == items == len(set.union(*by_part))
    assert len(by_part[TEST]) == max(1, int(0.3 * items))
    assert len(by_part[VALID]) == max(1, int(0.1 * items))


def test_too_many_cold_items() -> None:
    with pytest.raises(SplitError, match="leave none to train on"):
        cold_items_split(FakeGraph({(0, 0), (0, 1)}), share=0.5, valid_share=0.4)  # type: ignore[arg-type]


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "g", [(u, i) for u in range(6) for i in range(u, u + 12)])


def test_save_and_load(graph: MusicGraph, tmp_path: Path) -> None:
    split = random_split(graph, seed=3)
    split.save(tmp_path / "split")
    loaded = Split.load(tmp_path / "split", graph)
    assert np.array_equal(loaded.part, split.part)
    assert (loaded.info, loaded.catalogue, loaded.items) == (split.info, "all", None)
    assert sorted(path.name for path in (tmp_path / "split").iterdir()) == ["split.json", "split.parquet"]


def test_the_files_of_a_split_are_deterministic(graph: MusicGraph, tmp_path: Path) -> None:
    for name in ("one", "two"):
        random_split(graph, seed=3).save(tmp_path / name)
    for name in ("split.json", "split.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_rebuilt_graph_keeps_its_splits(graph: MusicGraph, tmp_path: Path) -> None:
    random_split(graph).save(tmp_path / "split")
    path = graph.path / "edges" / f"{LIKES}.parquet"
    pl.read_parquet(path).write_parquet(
        path, compression="uncompressed"
    )  # as another version of polars might
    assert len(Split.load(tmp_path / "split", MusicGraph.open(graph.path)).train) > 0


def test_split_of_another_graph(graph: MusicGraph, tmp_path: Path) -> None:
    random_split(graph).save(tmp_path / "split")
    pairs = [(u, i) for u in range(6) for i in range(u, u + 12)]
    for name, other in (("fewer", pairs[:-1]), ("moved", [*pairs[:-1], (5, 17)])):
        with pytest.raises(SplitError, match=r"belongs to another graph: it divides 72 interactions"):
            Split.load(tmp_path / "split", make_graph(tmp_path / name, other))


def _change(folder: Path, **values: Any) -> None:
    path = folder / "split.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "split.json").unlink(), r"split\.json does not exist"),
        (
            lambda f: (f / "split.parquet").unlink(),
            r"split\.parquet is missing although split\.json lists it",
        ),
        (lambda f: (f / "split.parquet").write_bytes(b"PAR1"), r"split\.parquet is damaged"),
        (lambda f: (f / "split.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "split.json").write_text("[]"), "field format_version is None"),
        (lambda f: _change(f, format_version=2), "field format_version is 2, this hetmusic reads 1"),
        (lambda f: _change(f, colour="red"), "field 'colour': Extra inputs"),
        (lambda f: _change(f, catalogue="some"), "field 'catalogue'"),
        (lambda f: _change(f, interactions=7), "field 'interactions'"),
        (lambda f: _change(f, counts={}), "does not have the parts"),
    ],
)
def test_damaged_split(
    graph: MusicGraph, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    random_split(graph).save(tmp_path / "split")
    damage(tmp_path / "split")
    with pytest.raises(SplitError, match=message):
        Split.load(tmp_path / "split", graph)


@pytest.mark.parametrize("column", ["user", "item", "part"])
def test_changed_table(graph: MusicGraph, tmp_path: Path, column: str) -> None:
    random_split(graph).save(tmp_path / "split")
    path = tmp_path / "split" / "split.parquet"
    table = pl.read_parquet(path)
    table.with_columns(pl.lit(9).cast(table.schema[column]).alias(column)).write_parquet(path)
    with pytest.raises(SplitError, match="it was changed"):
        Split.load(tmp_path / "split", graph)


def test_select_by_name_or_number(graph: MusicGraph) -> None:
    split = random_split(graph)
    assert len(split.select("train", "valid")) == len(split.train) + len(split.valid)
    assert len(split.select(TRAIN, TEST)) == len(split.train) + len(split.test)
    assert len(split.select(UNUSED)) == 0
    with pytest.raises(SplitError, match="parts of a split are train, valid, test, unused"):
        split.select("tset")


def test_part_must_fit(graph: MusicGraph) -> None:
    with pytest.raises(ValueError, match="not uint8"):
        Split(graph.interactions, np.zeros(3, np.uint8))


def test_every_strategy_can_be_named(graph: MusicGraph) -> None:
    for name in ("random", "kfold", "cold-items"):
        assert STRATEGIES[name](graph).info["strategy"] == name
    assert EdgeType(*graph.interaction) == LIKES
