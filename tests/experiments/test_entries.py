"""Which settings a row of a comparison has: tuned ones, those of a file, single ones on top."""

from __future__ import annotations

import pytest

from hetmusic.errors import ConfigError, RunError
from hetmusic.experiments.comparison import Entry, Protocol, compare
from hetmusic.experiments.entries import Asked, find_studies, make_entries, tune_all
from hetmusic.experiments.problems import SplitChoice
from hetmusic.experiments.tuning import Budget, plan_study, tune
from hetmusic.graph.splits import random_split
from hetmusic.rivals import Problem
from tests.experiments.toys import FRAGILE, WAVES, Counting, small_graph
from tests.graphs import make_graph

PROTOCOL = Protocol(SplitChoice.parse("random"), (0,))


def study(problem, out, model="ease", trials=3, **fixed):
    tune(problem, plan_study(model, None, fixed, 0), Budget(trials), out)
    return out


def silent(model, trial, best):
    pass


def test_texts_of_a_command_line():
    asked = Asked.parse(
        ["ease", WAVES], [], [f"{WAVES}=a=b.toml"], ["ease.l2=3", f"{WAVES}.angle=1", "ease.form=users"]
    )
    assert str(asked.files[WAVES]) == "a=b.toml"
    assert asked.overrides == {"ease": {"l2": 3, "form": "users"}, WAVES: {"angle": 1}}
    found = Asked.parse(["mmgnn", "mmgnn:paper"], [], [], ["mmgnn:paper.model.dim=8", "mmgnn.model.dim=4"])
    assert found.overrides == {"mmgnn": {"model": {"dim": 4}}, "mmgnn:paper": {"model": {"dim": 8}}}


@pytest.mark.parametrize(
    ("files", "overrides", "expected"),
    [
        (["ease"], [], "--settings 'ease' is not of the form MODEL=FILE"),
        (["esae=f"], [], r"--settings esae=f: 'esae' is not compared.*did you mean 'ease'"),
        ([], ["l2=3"], r"--set l2=3: 'l2' is not compared.*compared are ease, ials"),
        ([], ["esae.l2=3"], r"--set esae\.l2=3: 'esae' is not compared.*did you mean 'ease'"),
        ([], ["ease.l2"], "'l2' is not of the form"),
    ],
)
def test_texts_that_are_none(files, overrides, expected):
    with pytest.raises(ConfigError, match=expected):
        Asked.parse(["ease", "ials"], [], files, overrides)


def test_settings_come_from_defaults_studies_files_and_single_ones(graph, problem, tmp_path):
    study(problem, tmp_path / "studies" / "ease")
    study(problem, tmp_path / "studies" / "ials", "ials", 1, factors=4)
    (tmp_path / "own.toml").write_text("l2 = 7.0\n")
    models, tuned = ["ease", "ials", "popularity"], [tmp_path / "studies"]
    ease, ials, popularity = make_entries(graph, Asked.parse(models, tuned, [], ["ials.alpha=2"]))
    assert ease.source == "tuned, 3 trials"
    assert ease.settings == find_studies(tmp_path / "studies" / "ease", graph, models)["ease"][0]
    assert (ials.source, ials.settings["factors"], ials.settings["alpha"]) == ("tuned, 1 trial, --set", 4, 2)
    assert popularity == Entry("popularity", "popularity", {}, "defaults")
    file = [f"ease={tmp_path / 'own.toml'}"]
    ease = make_entries(graph, Asked.parse(models, tuned, file, []))[0]
    assert (ease.source, ease.settings) == ("own.toml", {"l2": 7.0})
    ease = make_entries(graph, Asked.parse(models, tuned, file, ["ease.l2=8"]))[0]
    assert (ease.source, ease.settings) == ("own.toml, --set", {"l2": 8})


def test_mistakes_in_settings_name_where_they_stand(graph, tmp_path):
    (tmp_path / "own.toml").write_text("l22 = 7.0\n")
    with pytest.raises(ConfigError, match=r"own\.toml: model EASE has no setting 'l22'.*did you mean 'l2'"):
        make_entries(graph, Asked.parse(["ease"], [], [f"ease={tmp_path / 'own.toml'}"], []))
    with pytest.raises(ConfigError, match=r"--set: model EASE: l2 = -1"):
        make_entries(graph, Asked.parse(["ease"], [], [], ["ease.l2=-1"]))


def test_relations_that_a_graph_lacks_are_found_before_anything_runs(graph, tmp_path):
    settings = {"relations": {"likedby": {"encoder": "mean"}}}
    with pytest.raises(
        ConfigError, match=r"model mmgnn: relations.likedby: unknown relation 'likedby' \(did you mean"
    ):
        compare(graph, [Entry("mmgnn", "mmgnn", settings, "own")], PROTOCOL, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_without_the_right_studies(graph, problem, tmp_path):
    with pytest.raises(RunError, match="holds no study"):
        find_studies(tmp_path, graph, ["ease"])
    other = small_graph(tmp_path / "graph", users=20)
    study(Problem(other, random_split(other, seed=0)), tmp_path / "other" / "ease", trials=1)
    with pytest.raises(RunError, match=r"ease is a study on another graph \(tiny\)"):
        find_studies(tmp_path / "other", graph, ["ease"])
    study(problem, tmp_path / "twice" / "a", trials=1)
    study(problem, tmp_path / "twice" / "b", trials=1)
    with pytest.raises(RunError, match="has two studies of ease"):
        find_studies(tmp_path / "twice", graph, ["ease"])
    (tmp_path / "twice" / "b" / "best.toml").unlink()
    with pytest.raises(RunError, match="has no finished trial yet, so there are no tuned settings of ease"):
        find_studies(tmp_path / "twice" / "b", graph, ["ease"])
    assert find_studies(tmp_path / "twice" / "b", graph, ["ials"]) == {}


def test_all_are_tuned_that_can_be(graph, problem, tmp_path, caplog):
    """Fixed settings stay, given ones are not searched, what has nothing to search keeps its defaults."""
    (tmp_path / "own.toml").write_text("k = 3\n")
    asked = Asked.parse(
        ["ease", "ials", "item-knn", "popularity", WAVES],
        [study(problem, tmp_path / "ready", "ease", 1)],
        [f"item-knn={tmp_path / 'own.toml'}"],
        ["ials.factors=4", "ials.iterations=2"],
    )
    told = []
    found = tune_all(
        graph,
        asked,
        PROTOCOL,
        Budget(2),
        tmp_path / "c",
        lambda model, trial, best: told.append((model, trial.number)),
    )
    assert told == [("ials", 0), ("ials", 1)]
    assert [path.name for path in (tmp_path / "c" / "tuning").iterdir()] == ["ials"]
    entries = {entry.model: entry for entry in make_entries(graph, found)}
    assert (entries["ials"].source, entries["ials"].settings["factors"]) == ("tuned, 2 trials, --set", 4)
    assert entries["ease"].source == "tuned, 1 trial"
    assert entries["item-knn"].source == "own.toml"
    assert "no search space comes with model tests.experiments.toys:Waves" in caplog.text
    # the same again tunes nothing
    told.clear()
    tune_all(graph, asked, PROTOCOL, Budget(2), tmp_path / "c", lambda *found: told.append(found))
    assert told == []
    # and compares in the same folder
    summary = compare(graph, list(entries.values()), PROTOCOL, tmp_path / "c", execute=Counting())
    assert summary.num_failed == 0


def test_a_model_that_this_graph_is_not_for_is_not_tuned(tmp_path, caplog):
    bare = make_graph(tmp_path / "graph", [(u, (u + a) % 9) for u in range(9) for a in range(6)])
    asked = Asked.parse(["content-knn", "ease"], [], [], [])
    found = tune_all(bare, asked, PROTOCOL, Budget(1), tmp_path / "c", silent)
    assert "content-knn is not tuned: " in caplog.text
    assert [path.name for path in found.tuned] == ["ease"]
    summary = compare(bare, make_entries(bare, found), PROTOCOL, tmp_path / "c", execute=Counting())
    knn, ease = summary.rows
    assert "has none" in knn["problem"]
    assert (ease["problem"], ease["settings_from"]) == (None, "tuned, 1 trial")


def test_mistakes_are_told_before_anything_is_tuned(graph, tmp_path):
    asked = Asked.parse(["ease", "ials"], [], [], ["ials.factor=3"])
    with pytest.raises(ConfigError, match="did you mean 'factors'"):
        tune_all(graph, asked, PROTOCOL, Budget(1), tmp_path / "c", silent)
    assert not (tmp_path / "c").exists()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine").write_text("")
    with pytest.raises(RunError, match="is not empty"):
        tune_all(graph, Asked.parse(["ease"], [], [], []), PROTOCOL, Budget(1), tmp_path / "c", silent)
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["mine"]


def test_modalities_that_the_graph_lacks(graph, tmp_path):
    for model, settings in [
        ("vbpr", {"modalities": ["txt"]}),
        ("mmgnn", {"model": {"modalities": ["audio", "txt"]}}),
    ]:
        with pytest.raises(
            ConfigError, match=rf"model {model}: artist of graph tiny has no modality 'txt'.*'text'"
        ):
            compare(graph, [Entry(model, model, settings)], PROTOCOL, tmp_path / "c", execute=Counting())
    assert not (tmp_path / "c").exists()


def test_a_broken_custom_model_is_only_a_row(graph, tmp_path):
    entries = make_entries(graph, Asked.parse([FRAGILE, "ease"], [], [], [f"{FRAGILE}.how=mistake"]))
    summary = compare(graph, entries, PROTOCOL, tmp_path / "c", execute=Counting())
    assert [row["problem"] for row in summary.rows] == ["seed 0: this graph is too small", None]


def test_a_model_twice_under_labels(graph, problem, tmp_path):
    study(problem, tmp_path / "ease")
    asked = Asked.parse(["ease", "strong=ease"], [tmp_path], [], ["strong.l2=1000", "ease.form=users"])
    plain, strong = make_entries(graph, asked)
    assert (plain.label, plain.model, plain.settings["form"]) == ("ease", "ease", "users")
    assert (strong.label, strong.model, strong.settings["l2"]) == ("strong", "ease", 1000)
    assert strong.source == "tuned, 3 trials, --set"
    summary = compare(graph, [plain, strong], PROTOCOL, tmp_path / "c")
    assert [row["label"] for row in summary.rows] == ["ease", "strong"]


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (["=ease"], "not of the form LABEL=MODEL"),
        (["a="], "not of the form"),
        (["a=esae"], "did you mean 'ease'"),
    ],
)
def test_labels_that_are_none(models, expected):
    with pytest.raises(ConfigError, match=expected):
        Asked.parse(models, [], [], [])


def test_plugins_are_checked_before_anything_runs(graph):
    asked = Asked.parse(["mmgnn"], [], [], ["mmgnn.relations.liked_by.weigth=log"])
    with pytest.raises(
        ConfigError, match=r"relations.liked_by: .*no argument 'weigth' \(did you mean 'weight'\?\)"
    ):
        make_entries(graph, asked)


def test_classes_are_written_as_their_paths():
    from hetmusic.experiments.models import with_implied
    from hetmusic.relations.encoders import MeanEncoder

    chosen = {
        "liked_by": {"encoder": MeanEncoder},
        "friends": {"encoder": MeanEncoder(4, weight="log"), "use": False},
    }
    path = "hetmusic.relations.encoders.mean:MeanEncoder"
    assert with_implied("mmgnn", {"relations": chosen}) == {
        "relations": {
            "liked_by": {"encoder": path},
            "friends": {"encoder": path, "weight": "log", "use": False},
        }
    }
