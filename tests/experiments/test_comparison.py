"""Comparisons: the same splits for everybody, cells run once, and what is refused before anything runs."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from hetmusic.errors import ConfigError, RunError, SplitError
from hetmusic.experiments.comparison import Entry, Protocol, compare
from hetmusic.experiments.problems import SplitChoice, identify_graph, user_metric
from hetmusic.graph import MusicGraph
from tests.experiments.toys import FRAGILE, WAVES, Counting, files_of, small_graph

PROTOCOL = Protocol(SplitChoice.parse("random"), (0, 1))
ENTRIES = [
    Entry("ease", "ease"),
    Entry("popularity", "popularity"),
    Entry("waves", WAVES, {"angle": 2.0}, "own.toml"),
]


def run(graph, out, entries=ENTRIES, protocol=PROTOCOL, execute=None, **options):
    return compare(graph, entries, protocol, out, execute=execute or Counting(), **options)


def results(out):
    """What a comparison leaves, but for the time that it took."""
    found = json.loads((out / "results.json").read_text())
    for row in found["rows"]:
        del row["cost"]
    return found


def test_every_model_is_run_for_every_seed(graph, tmp_path):
    execute, told = Counting(), []
    summary = run(graph, tmp_path / "c", execute=execute, on_cell=lambda *found: told.append(found))
    assert execute.ran == [(entry.model, seed) for seed in (0, 1) for entry in ENTRIES]
    assert [(label, seed, is_new) for label, seed, _, is_new in told] == [
        (entry.label, seed, True) for seed in (0, 1) for entry in ENTRIES
    ]
    assert [row["label"] for row in summary.rows] == ["ease", "popularity", "waves"]
    assert all(row["seeds"] == [0, 1] and row["problem"] is None for row in summary.rows)
    assert summary.rows[2]["settings_from"] == "own.toml"
    assert summary.reference == "ease"
    assert {"comparison.json", "cells", "splits", "results.json", "results.csv", "results.md"} == {
        path.name for path in (tmp_path / "c").iterdir()
    }


def test_everybody_gets_the_same_splits(graph, tmp_path):
    run(graph, tmp_path / "c")
    cells = [json.loads(path.read_text())["cell"] for path in (tmp_path / "c").glob("cells/*/cell.json")]
    splits = {(cell["seed"], cell["split"]) for cell in cells}
    assert len(splits) == 2
    assert len(list((tmp_path / "c" / "splits").iterdir())) == 2


def test_a_second_call_runs_nothing(graph, tmp_path):
    run(graph, tmp_path / "c")
    before = files_of(tmp_path / "c")
    again, told = Counting(), []
    run(graph, tmp_path / "c", execute=again, on_cell=lambda *found: told.append(found[-1]))
    assert again.ran == []
    assert told == [False] * 6
    assert files_of(tmp_path / "c") == before


@pytest.mark.parametrize("stop", [0, 1, 4])
def test_a_stopped_comparison_goes_on(graph, tmp_path, stop):
    run(graph, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(graph, tmp_path / "parts", execute=Counting(stop_after=stop))
    assert len(list((tmp_path / "parts").glob("cells/*"))) == stop
    rest = Counting()
    run(graph, tmp_path / "parts", execute=rest)
    assert len(rest.ran) == 6 - stop
    assert results(tmp_path / "parts") == results(tmp_path / "whole")


def test_only_what_is_new_is_run(graph, tmp_path):
    run(graph, tmp_path / "c", ENTRIES[:2], Protocol(SplitChoice.parse("random"), (0,)))
    changed = Entry("ease", "ease", {"l2": 3.0})
    execute = Counting()
    summary = run(graph, tmp_path / "c", [changed, ENTRIES[1]], execute=execute)
    assert execute.ran == [("ease", 0), ("ease", 1), ("popularity", 1)]
    assert [row["label"] for row in summary.rows] == ["ease", "popularity"]
    # the default written out is the default
    same = Counting()
    run(graph, tmp_path / "c", [Entry("ease", "ease", {"l2": 75})], execute=same)
    assert same.ran == [("ease", 1)]


def test_new_features_are_new_cells(graph, tmp_path):
    folder = tmp_path / "graph"
    shutil.copytree(graph.path, folder)
    own = MusicGraph.open(folder)
    run(own, tmp_path / "c", ENTRIES[:1])
    own.add_modality("artist", "cover", own.modality("artist", "audio").values)
    execute = Counting()
    run(own, tmp_path / "c", ENTRIES[:1], execute=execute)
    assert len(execute.ran) == 2


def test_failures_are_reported_and_the_rest_goes_on(graph, tmp_path):
    entries = [Entry("fragile", FRAGILE, {"how": "mistake"}), ENTRIES[0]]
    summary = run(graph, tmp_path / "c", entries)
    fragile, ease = summary.rows
    assert fragile["problem"] == "seeds 0, 1: this graph is too small"
    assert (fragile["seeds"], fragile["metrics"], fragile["tests"]) == ([], {}, {})
    assert (summary.num_failed, ease["seeds"]) == (2, [0, 1])
    assert "| fragile | – |" in (tmp_path / "c" / "results.md").read_text()
    again = Counting()
    run(graph, tmp_path / "c", entries, execute=again)
    assert again.ran == [(FRAGILE, 0), (FRAGILE, 1)]  # tried again


def test_nothing_but_failures(graph, tmp_path):
    summary = run(graph, tmp_path / "c", [Entry("fragile", FRAGILE, {"how": "mistake"})])
    assert (summary.reference, summary.num_failed) == (None, 2)
    with open(tmp_path / "c" / "results.csv", newline="") as stream:
        assert len(list(csv.reader(stream))) == 1


def test_what_cannot_be_run_has_a_reason_and_is_no_failure(graph, tmp_path):
    execute = Counting()
    summary = run(
        graph, tmp_path / "c", [ENTRIES[0], Entry("without x", "mmgnn", reason="no x")], execute=execute
    )
    assert [model for model, _ in execute.ran] == ["ease", "ease"]
    assert (summary.rows[1]["problem"], summary.num_failed) == ("no x", 0)


def test_a_published_split_is_the_same_for_every_seed(graph, tmp_path):
    pairs = graph.interactions
    rows = zip(pairs.src.tolist(), pairs.dst.tolist(), strict=True)
    lines = [f"u{user}\ta{item}\t{(user + item) % 10 // 8 * (1 + item % 2)}" for user, item in rows]
    (tmp_path / "own.inter").write_text("userID\titemID\tx_label\n" + "\n".join(lines) + "\n")
    protocol = Protocol(SplitChoice.parse(str(tmp_path / "own.inter")), (0, 1))
    summary = run(graph, tmp_path / "c", ENTRIES[1:], protocol)
    assert summary.about["split"] == "file own.inter"
    assert len(list((tmp_path / "c" / "splits").iterdir())) == 1
    popularity, waves = (row["metrics"]["ndcg@10"] for row in summary.rows)
    assert (popularity["sd"], waves["sd"] > 0) == (0, True)


# -- what is refused, and before anything is written --------------------------------------------------------------


def refuses(graph, out, error, match, *arguments, **options):
    with pytest.raises(error, match=match):
        run(graph, out, *arguments, **options)
    assert not out.exists()


def test_mistakes_in_what_is_compared(graph, tmp_path):
    out = tmp_path / "c"
    refuses(graph, out, ConfigError, "did you mean 'ease'", [Entry("eese", "eese")])
    refuses(graph, out, ConfigError, "did you mean 'l2'", [Entry("ease", "ease", {"l22": 1})])
    refuses(graph, out, ConfigError, "'ease' is named twice", [ENTRIES[0], ENTRIES[0]])
    refuses(graph, out, ConfigError, "reference 'esae'.*did you mean 'ease'", reference="esae")


def test_splits_without_what_is_needed(graph, tmp_path):
    pairs = graph.interactions
    for labels, what in [((0, 2), "valid"), ((0, 1), "test"), ((1, 2), "train")]:
        lines = [
            f"u{u}\ta{i}\t{labels[n % 2]}" for n, (u, i) in enumerate(zip(pairs.src, pairs.dst, strict=False))
        ]
        (tmp_path / "s.inter").write_text("userID\titemID\tx_label\n" + "\n".join(lines) + "\n")
        protocol = Protocol(SplitChoice.parse(str(tmp_path / "s.inter")), (0,))
        refuses(graph, tmp_path / "c", SplitError, f"no {what} interactions", ENTRIES, protocol)


def test_another_graphs_folder_is_refused(graph, tmp_path):
    other = small_graph(tmp_path / "other", users=20)
    run(graph, tmp_path / "c", ENTRIES[1:2])
    before = files_of(tmp_path / "c")
    with pytest.raises(RunError, match=r"was made with another graph: tiny .*, not tiny .*choose another"):
        run(other, tmp_path / "c", ENTRIES[1:2])
    with pytest.raises(RunError, match=r"results of another command \(comparison\)"):
        run(graph, tmp_path / "c", ENTRIES[1:2], kind="ablation")
    assert files_of(tmp_path / "c") == before


def test_other_folders_are_refused(graph, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("")
    with pytest.raises(RunError, match="is not empty and holds no comparison"):
        run(graph, tmp_path / "mine")
    with pytest.raises(RunError, match="is not empty and holds no comparison"):
        run(graph, tmp_path / "mine" / "x")
    newer = {"format_version": 9, "kind": "comparison", "graph": identify_graph(graph)}
    (tmp_path / "mine" / "comparison.json").write_text(json.dumps(newer))
    with pytest.raises(RunError, match="format_version is 9"):
        run(graph, tmp_path / "mine")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("random", "random"),
        ("random,ratios=[0.6, 0.2, 0.2]", "random, ratios (0.6, 0.2, 0.2)"),
        ("kfold,folds=3,fold=2", "kfold, folds 3, fold 2"),
        ("cold-items,share=0.3", "cold-items, share 0.3"),
        ("time", "time"),
    ],
)
def test_splits_from_text(graph, text, expected):
    choice = SplitChoice.parse(text)
    assert str(choice) == expected
    first, second = choice.make(graph, 0), choice.make(graph, 1)
    assert choice.is_drawn == (text != "time")
    assert (first.part.tolist() != second.part.tolist()) == choice.is_drawn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("radnom", r"'radnom' is neither a file nor a strategy.*did you mean 'random'"),
        ("nix.inter", r"neither a file nor a strategy.*strategies: random, kfold"),
        ("file", "neither a file nor a strategy"),
        ("kfold,fodl=2", r"no split has a setting 'fodl'.*did you mean 'fold'"),
        ("kfold,zzz=2", r"'zzz'; known: ratios"),
        ("kfold,fold=9", r"folds count from 0"),
        ("cold-items,share=2", r"share: .*less than 1"),
        ("random,ratios=[1,2]", r"ratios: "),
        ("random,0.3", r"'0.3' is not of the form KEY=VALUE"),
        ("random,seed=3", r"the seed has an option of its own"),
    ],
)
def test_splits_that_are_none(text, expected):
    with pytest.raises(SplitError, match=expected):
        SplitChoice.parse(text)


def test_metrics_are_those_of_users():
    assert user_metric("recall@20") == "recall@20"
    with pytest.raises(ConfigError, match="did you mean 'ndcg'"):
        user_metric("ndgc@10")
    with pytest.raises(ConfigError, match=r"coverage@10.*no value for a single user"):
        user_metric("coverage@10")
    with pytest.raises(ConfigError, match="ndcg@10 needs 10 among the lengths"):
        Protocol(SplitChoice.parse("random"), (0,), "ndcg@10", ks=(5,))
