"""Worlds with one answer: what is held out, what tells it, and the two levels that are known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2_contingency

from hetmusic._io import sha256
from hetmusic.errors import ConfigError, UserError
from hetmusic.graph import TrainingView
from hetmusic.graph.emotions import item_emotions
from hetmusic.graph.splits import split_from_file
from hetmusic.ranking import EmbeddingScorer
from hetmusic.synth.planted import DESIGNS, PlantedWorld, make_planted, write_planted
from hetmusic.synth.planted.proof import build_planted, split_of
from hetmusic.synth.planted.theory import chance_ndcg, chance_recall

COLD = [name for name in DESIGNS if name not in {"only-friends", "only-co-listening"}]
SMALL = {"users": 60, "songs": 60, "artists": 12, "audio_seconds": 0.1}


@pytest.fixture(scope="module")
def worlds() -> dict[str, PlantedWorld]:
    return {name: make_planted(name, seed=3) for name in DESIGNS}


def digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def share_of_majority(labels: np.ndarray, style: np.ndarray) -> float:
    """How many songs have the style that most songs with the same label have."""
    return float(sum(np.bincount(style[labels == label]).max() for label in np.unique(labels)) / len(style))


def random_levels(planted: PlantedWorld, draws: int) -> np.ndarray:
    """Recall@10 and NDCG@10 of random rankings, shape ``(draws, 2)``."""
    rng, settings = np.random.default_rng(0), planted.world.settings
    found = []
    for _ in range(draws):
        scores = EmbeddingScorer(
            rng.standard_normal((settings.users, 40)), rng.standard_normal((settings.songs, 40))
        )
        values = planted.evaluate(scores).values
        found.append([values["recall@10"], values["ndcg@10"]])
    return np.array(found)


def test_chance_of_one_user_by_counting_all_rankings() -> None:
    from itertools import permutations

    relevant, k = {0, 3}, 3
    recalls, ndcgs = [], []
    for ranking in permutations(range(5)):
        hits = np.array([item in relevant for item in ranking[:k]])
        discount = 1 / np.log2(np.arange(2, k + 2))
        recalls.append(hits.sum() / 2)
        ndcgs.append((hits * discount).sum() / discount[:2].sum())
    assert chance_recall(k, np.array([5]))[0] == pytest.approx(np.mean(recalls))
    assert chance_ndcg(k, np.array([5]), np.array([2]))[0] == pytest.approx(np.mean(ndcgs))


def test_chance_where_the_list_is_longer_than_the_catalogue() -> None:
    assert chance_recall(10, np.array([4]))[0] == 1.0
    places = 1 / np.log2(np.arange(2, 6))
    expected = 1 / 4 * places.sum()  # one relevant item at any of four places
    assert chance_ndcg(10, np.array([4]), np.array([1]))[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["only-friends", "only-audio", "only-co-listening"])
def test_random_rankings_reach_chance_and_no_more(name: str, worlds: dict[str, PlantedWorld]) -> None:
    found = random_levels(worlds[name], draws=40)
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    expected = worlds[name].chance()
    assert abs(found[:, 0].mean() - expected["recall@10"]) < 4 * error[0]
    assert abs(found[:, 1].mean() - expected["ndcg@10"]) < 4 * error[1]


@pytest.mark.parametrize("name", DESIGNS)
def test_the_best_ranking_is_far_above_chance_and_not_improved_by_changing_it(
    name: str, worlds: dict[str, PlantedWorld]
) -> None:
    planted, rng = worlds[name], np.random.default_rng(1)
    best = planted.evaluate(planted.oracle())["ndcg@10"]
    assert best > 2.5 * planted.chance()["ndcg@10"]
    users = planted.world.user_factors
    wrong = EmbeddingScorer(users + 3 * rng.standard_normal(users.shape), planted.world.item_factors)
    assert planted.evaluate(wrong)["ndcg@10"] < best


@pytest.mark.parametrize("name", COLD)
def test_cold_songs_are_in_no_other_part_and_as_many_of_every_style(
    name: str, worlds: dict[str, PlantedWorld]
) -> None:
    planted = worlds[name]
    assert planted.items is not None
    assert set(planted.test.dst) == set(planted.items)
    assert not set(planted.test.dst) & (set(planted.train.dst) | set(planted.valid.dst))
    assert not set(planted.valid.dst) & set(planted.train.dst)
    assert np.bincount(planted.world.taste.song_style[planted.items]).tolist() == [10] * 6
    assert len(planted.valid) > 0


def test_of_the_tested_users_only_what_everybody_plays_is_known(worlds: dict[str, PlantedWorld]) -> None:
    planted = worlds["only-friends"]
    world, half = planted.world, planted.world.settings.styles // 2
    tested = np.unique(planted.test.src)
    known = np.isin(planted.train.src, tested)
    assert len(tested) == 150
    assert (world.taste.song_style[planted.train.dst[known]] < half).all()
    assert set(planted.items) == set(np.flatnonzero(world.taste.song_style >= half))
    # the known listens are spread over the songs alike, whatever the user's style is
    table = np.zeros((world.settings.styles, world.settings.styles))
    np.add.at(
        table,
        (
            world.taste.user_style[planted.train.src[known]],
            world.taste.song_style[planted.train.dst[known]],
        ),
        1,
    )
    assert chi2_contingency(table[half:, :half]).pvalue > 0.01


def test_friends_share_their_style_only_where_that_is_the_signal(worlds: dict[str, PlantedWorld]) -> None:
    def same_style(name: str) -> float:
        world = worlds[name].world
        style = world.taste.user_style
        return float((style[world.friends["user"]] == style[world.friends["friend"]]).mean())

    assert same_style("only-friends") > 0.99
    assert same_style("only-audio") == pytest.approx(1 / 6, abs=0.05)


def test_each_kind_of_data_tells_the_style_only_where_it_is_the_signal(
    worlds: dict[str, PlantedWorld],
) -> None:
    def told_by_artist(name: str) -> float:
        world = worlds[name].world
        return share_of_majority(world.songs["artist"].to_numpy(), world.taste.song_style)

    def told_by_place(name: str) -> float:
        world = worlds[name].world
        angle = np.arctan2(world.songs["arousal"].to_numpy(), world.songs["valence"].to_numpy())
        return share_of_majority(np.rint(angle / (np.pi / 3)).astype(int) % 6, world.taste.song_style)

    def told_by_words(name: str) -> float:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import RidgeClassifier

        world = worlds[name].world
        counts, style = CountVectorizer().fit_transform(world.lyrics), world.taste.song_style
        return float(RidgeClassifier().fit(counts[:200], style[:200]).score(counts[200:], style[200:]))

    assert told_by_artist("only-artist") == 1.0
    assert told_by_artist("only-audio") < 0.5
    assert told_by_place("only-emotion") > 0.95
    assert told_by_place("only-audio") < 0.6
    assert told_by_words("only-lyrics") > 0.9
    assert told_by_words("only-audio") < 0.35


def test_nobody_tags_what_they_have_played_in_the_world_of_emotions(worlds: dict[str, PlantedWorld]) -> None:
    world = worlds["only-emotion"].world
    assert len(world.tags) == 2400
    assert world.tags.join(world.listens, on=["user", "song"]).is_empty()
    assert world.tags["song"].n_unique() > 0.99 * len(world.songs)


def test_two_texts_say_nothing_and_name_nobody(worlds: dict[str, PlantedWorld]) -> None:
    world = worlds["only-co-listening"].world
    table = (
        pl.DataFrame({"text": world.lyrics, "style": world.taste.song_style}).group_by("text", "style").len()
    )
    assert sorted(table["len"]) == [25] * 12


def test_half_of_the_sounds_are_missing(worlds: dict[str, PlantedWorld]) -> None:
    assert worlds["missing-modality"].world.present["audio"].sum() == 150
    assert worlds["noisy-modality"].world.present["audio"].all()


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    folders = [
        write_planted(make_planted("only-emotion", seed, SMALL), tmp_path / f"{n}")
        for n, seed in enumerate((5, 5, 6))
    ]
    first, second, other = map(digests, folders)
    assert first == second
    changed = {name for name, digest in other.items() if first.get(name) != digest}
    assert {"split.tsv", "tags.tsv", "songs.csv", "truth/candidates.tsv", "truth/levels.json"} <= changed


def test_the_written_split_is_the_one_in_memory(tmp_path: Path) -> None:
    planted = make_planted("only-artist", 1, SMALL)
    graph = build_planted(planted, tmp_path)
    read = split_from_file(graph, tmp_path / "raw" / "split.tsv")
    assert np.array_equal(read.part, split_of(planted, graph).part)
    assert np.array_equal(read.test.src, planted.test.src)
    assert np.array_equal(read.test.dst, planted.test.dst)
    written = json.loads((tmp_path / "raw" / "truth" / "levels.json").read_text())
    assert written["oracle"]["ndcg@10"] == planted.evaluate(planted.oracle())["ndcg@10"]
    assert written["chance"]["recall@10"] == pytest.approx(min(1.0, 10 / len(planted.items)))
    keys = pl.read_csv(tmp_path / "raw" / "truth" / "candidates.tsv", separator="\t")["key"].to_list()
    assert keys == [graph.keys("song")[row] for row in planted.items]


def test_valence_arousal_and_words_are_the_emotions_of_songs(tmp_path: Path) -> None:
    planted = make_planted("only-emotion", 1, SMALL)
    graph = build_planted(planted, tmp_path)
    found = item_emotions(TrainingView(graph, split_of(planted, graph)))
    expected = planted.world.songs.select("valence", "arousal").to_numpy()
    np.testing.assert_allclose(found.points, expected, atol=1e-3)
    assert found.known.all()
    assert len(np.unique(found.words.src)) > 0.5 * len(found.known)


def test_emotions_are_heard_where_nothing_else_tells_them(tmp_path: Path) -> None:
    """What sound and lyrics are estimated to say is what was planted, also of songs that nobody has rated."""
    planted = make_planted("only-heard-emotion", 1, {**SMALL, "audio_seconds": 0.5})
    graph = build_planted(planted, tmp_path)
    kept = pl.read_parquet(graph.path / "before" / "emotion" / "nodes" / "song.parquet")
    assert kept["valence"].null_count() == kept["arousal"].null_count() == 60
    truth = pl.read_csv(tmp_path / "raw" / "truth" / "emotions.tsv", separator="\t")
    assert truth["key"].to_list() == graph.keys("song")
    rated = pl.read_csv(tmp_path / "raw" / "annotations.csv")["key"]
    new = ~graph.nodes("song")["key"].is_in(rated.implode())
    assert set(graph.nodes("song").filter(~new)["key"]) == {
        graph.keys("song")[row] for row in np.unique(planted.train.dst)
    }
    for axis in ("valence", "arousal"):
        estimated, planted_value = graph.nodes("song")[axis].filter(new), truth[axis].filter(new)
        assert np.corrcoef(estimated, planted_value)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("only-friend", {}, "'only-friend'.*did you mean 'only-friends'"),
        ("only-audio", {"signals": {"lyrics": 1}}, "'signals' is what only-audio is made of"),
        ("only-audio", {"user": 3}, "user.*did you mean 'users'"),
        ("only-audio", {"songs": 20, "artists": 6, "listens_per_user": 8}, "'songs': 20 are too few"),
        ("only-audio", {"artists": 5}, "'artists': 5 are too few"),
    ],
)
def test_mistakes_are_named(name: str, values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_planted(name, 0, values)


def test_another_folder_is_not_replaced(tmp_path: Path) -> None:
    planted = make_planted("only-artist", 0, SMALL)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(UserError, match="something else"):
        write_planted(planted, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"
