"""Every model learns, follows its seed, and says what it lacks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import ConfigError, SplitError
from hetmusic.evaluation import evaluate
from hetmusic.experiments.space import built_in, load_space
from hetmusic.graph.splits import TRAIN, Split, cold_items_split
from hetmusic.rivals import Problem, recommenders
from tests.rivals.problems import all_scores, community_problem, make_problem

#: every recommender of the package with settings for a small graph
SETTINGS: dict[str, dict[str, object]] = {
    "popularity": {},
    "item-knn": {},
    "rp3beta": {},
    "ease": {"l2": 10},
    "ials": {"factors": 4, "regularization": 1},
    "content-knn": {},
    "bpr": {"l2": 0.01},
    "vbpr": {"l2": 0.01, "content_dim": 8},
    "ngcf": {"layers": 1},
    "lightgcn": {},
    "mmgcn": {"layers": 1, "lr": 0.01},
    "lattice": {},
    "mhcn": {},
}
PAIRWISE = {"bpr", "vbpr", "ngcf", "lightgcn", "mmgcn", "lattice", "mhcn"}
CONTENT = {"content-knn", "vbpr", "mmgcn", "lattice"}


def make(name, **settings):
    quick = {"dim": 8, "lr": 0.03, "epochs": 20, "batch_size": 256, "validate_every": 5, "device": "cpu"}
    return recommenders.make(
        name, **{**(quick if name in PAIRWISE else {}), **SETTINGS.get(name, {}), **settings}
    )


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return community_problem(tmp_path_factory.mktemp("world") / "g")


def own() -> dict[str, type]:
    return {n: c for n, c in recommenders.classes.items() if c.__module__.startswith("hetmusic.rivals.")}


def test_all_are_here():
    assert set(own()) == set(SETTINGS)


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"popularity"}))
def test_beats_popularity(problem, name):
    """Two communities with twenty artists each: knowing the right one more than doubles the precision of chance."""
    baseline = evaluate(make("popularity").fit(problem).scorer, problem.split, ks=(10,))["ndcg@10"]
    fitted = make(name).fit(problem, seed=3)
    found = evaluate(fitted.scorer, problem.split, ks=(10,))["ndcg@10"]
    assert found > 1.3 * baseline
    assert fitted.valid == problem.validate(fitted.scorer)
    assert fitted.seconds > 0


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_follows_its_seed(problem, name):
    one, same, other = (
        all_scores(problem, make(name, epochs=2).fit(problem, seed=seed).scorer) for seed in (7, 7, 8)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - PAIRWISE - {"ials"}))
def test_needs_no_seed(problem, name):
    one, other = (all_scores(problem, make(name).fit(problem, seed=seed).scorer) for seed in (0, 1))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("name", sorted(CONTENT))
def test_finds_items_that_nobody_played(problem, name):
    """Half of the candidates are in the user's community; artists without any modality are left out of the count."""
    graph = problem.graph
    split = cold_items_split(graph, share=0.3, seed=1)
    scorer = make(name).fit(Problem(graph, split), seed=1).scorer
    scores = scorer.scores(np.arange(60), 0, 40)
    cold = np.unique(split.test.dst)
    own_side = (cold[None, :] < 20) == (np.arange(60) % 2 == 0)[:, None]
    assert np.isfinite(scores).all()
    gap = scores[:, cold][own_side].mean() - scores[:, cold][~own_side].mean()
    assert gap > 0.5 * scores[:, cold].std()


@pytest.mark.parametrize("name", sorted(CONTENT))
def test_reads_the_modalities_asked_for(problem, name):
    short = {"epochs": 1} if name in PAIRWISE else {}
    both = all_scores(problem, make(name, **short).fit(problem).scorer)
    one = all_scores(problem, make(name, modalities=["text"], **short).fit(problem).scorer)
    assert not np.array_equal(both, one)
    for wrong, message in ((["txt"], r"no modality 'txt' \(did you mean 'text'\?\)"), ([], "names none")):
        with pytest.raises(ConfigError, match=message):
            make(name, modalities=wrong).fit(problem)


@pytest.mark.parametrize("name", sorted(CONTENT))
def test_needs_a_modality(tmp_path, name):
    bare = make_problem(tmp_path / "g", [(0, 0), (0, 1), (1, 0)])
    with pytest.raises(
        ConfigError, match=f"model {name} reads modalities of artist, but graph tiny has none"
    ):
        make(name).fit(bare)


def test_mhcn_needs_friends(tmp_path, problem):
    bare = make_problem(tmp_path / "g", [(0, 0), (0, 1), (1, 0)])
    with pytest.raises(ConfigError, match=r"model mhcn needs a relation between users: .*friends"):
        make("mhcn").fit(bare)
    with pytest.raises(ConfigError, match="relation = 'likes' is user likes artist, not between users"):
        make("mhcn", relation="likes").fit(problem)
    social = make_problem(tmp_path / "h", [(0, 0), (0, 1), (1, 0)], friends=[(0, 1)])
    with pytest.raises(ConfigError, match=r"'freinds'.*did you mean 'friends'"):
        make("mhcn", relation="freinds").fit(social)
    # a pair with itself is no friendship: the relation is there, and empty
    nobody = make_problem(tmp_path / "i", [(0, 0), (0, 1), (1, 0)], friends=[(0, 0)])
    with pytest.raises(ConfigError, match="user friends user of graph tiny has no edges"):
        make("mhcn").fit(nobody)


@pytest.mark.parametrize("metric", ["ndcg", "ndcg@", "ngcd@10", "ndcg@0"])
def test_a_metric_that_does_not_exist_is_refused(problem, metric):
    with pytest.raises(ConfigError):
        Problem(problem.graph, problem.split, metric)


def test_a_split_without_validation_is_refused(problem):
    split = problem.split
    everything = Split(split.interactions, np.full_like(split.part, TRAIN))
    with pytest.raises(SplitError, match="no validation interactions"):
        Problem(problem.graph, everything)


def test_unknown_names_and_settings():
    with pytest.raises(ConfigError, match=r"no model is called 'lightgnc' \(did you mean 'lightgcn'\?\)"):
        recommenders.make("lightgnc")
    with pytest.raises(
        ConfigError, match=r"model LightGCN has no setting 'layer' \(did you mean 'layers'\?\)"
    ):
        recommenders.make("lightgcn", layer=2)
    with pytest.raises(ConfigError, match=r"model EASE: l2 = -1: .*greater than 0"):
        recommenders.make("ease", l2=-1)


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"popularity"}))
def test_search_space(name):
    """Every dimension is a setting, takes its bounds, and holds the default, with which a study begins."""
    space = load_space(name)
    space.check(name, {})
    defaults = recommenders.make(name).settings
    for key, dimension in space.dimensions.items():
        assert dimension.encode(getattr(defaults, key)) is not None, f"{key} = {getattr(defaults, key)}"


def test_popularity_has_nothing_to_search():
    assert built_in("popularity") is None
    assert not recommenders.lookup("popularity").Settings.model_fields


def test_page_names_every_model_and_setting():
    page = (Path(__file__).resolve().parents[2] / "docs" / "rivals.md").read_text(encoding="utf-8")
    shared = set(recommenders.lookup("bpr").Settings.__base__.model_fields)  # type: ignore[union-attr]
    for name, cls in own().items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        documented = set(re.findall(r"`(\w+)`", row.split("|")[4]))
        fields = set(cls.Settings.model_fields)
        assert documented == (fields - shared if name in PAIRWISE else fields), name
    for setting in shared:
        assert f"`{setting}`" in page


def test_page_own_rival(problem, tmp_path, monkeypatch):
    """The class in docs/rivals.md is found by its import path and can be fitted."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "rivals.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Your own rival")
    (tmp_path / "my_pkg.py").write_text(
        re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0], encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    scorer = recommenders.make("my_pkg:Damped", power=2).fit(problem).scorer
    counts = np.bincount(problem.split.train.dst, minlength=40)
    assert scorer.scores(np.array([5]), 0, 40)[0].tolist() == (counts**2).tolist()
