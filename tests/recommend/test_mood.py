"""Steering by hand, and what it may never do: lists lean towards a mood, the further the stronger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.errors import ConfigError, RunError
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import UNUSED, Split
from hetmusic.ranking import EmbeddingScorer, top_k
from hetmusic.recommend import Mood, Run
from hetmusic.recommend.mood import SteeredScorer
from hetmusic.recommend.writer import save_emotions
from tests.recommend.conftest import ITEMS, PARTS, USERS

POINTS = np.array([[1, 1], [-1, -1], [1, -1], [0, 0], [0, 0], [-1, 1]], np.float32)
#: nothing is known of a4
KNOWN = np.array([True, True, True, True, False, True])


@pytest.fixture
def moody_run(run_folder: Path) -> Path:
    save_emotions(run_folder, POINTS, KNOWN)
    return run_folder


class TestMood:
    def test_closeness_by_hand(self) -> None:
        diagonal = 1 - 2 / np.sqrt(8)
        expected = [1, 0, diagonal, 0.5, 0.5, diagonal]
        np.testing.assert_allclose(Mood(1, 1).closeness(POINTS), expected)
        np.testing.assert_allclose(Mood(valence=1).closeness(POINTS), [1, 0, 1, 0.5, 0.5, 0])
        np.testing.assert_allclose(Mood(arousal=-0.5).closeness(POINTS), [0.25, 0.75, 0.75, 0.75, 0.75, 0.25])

    def test_words_of_the_vocabulary(self) -> None:
        calm, anger = Mood.of_word("calm"), Mood.of_word(" Anger")
        assert calm.arousal is not None
        assert calm.valence is not None
        assert calm.arousal < 0 < calm.valence
        assert anger.valence is not None
        assert anger.valence < 0
        assert Mood.of_word("sunny") == Mood.of_word("brightness")

    @pytest.mark.parametrize(
        ("word", "message"),
        [
            ("clam", r"unknown emotion 'clam' \(did you mean 'calm'\?\)"),
            ("Sunyn", r"unknown emotion 'Sunyn' \(did you mean 'sunny'\?\)"),
            ("zzz", "unknown emotion 'zzz'; or give --valence and --arousal"),
            ("", "unknown emotion ''"),
        ],
    )
    def test_unknown_words(self, word: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            Mood.of_word(word)

    def test_a_place_off_the_circumplex(self) -> None:
        with pytest.raises(ConfigError, match="arousal is -2, but goes from -1 to 1"):
            Mood(0, -2)
        with pytest.raises(ConfigError, match="valence is nan"):
            Mood(valence=float("nan"))
        with pytest.raises(ConfigError, match="needs a valence or an arousal"):
            Mood()


class TestSteering:
    def test_scores_by_hand(self) -> None:
        scores = SteeredScorer(EmbeddingScorer(USERS, ITEMS), POINTS, KNOWN, Mood(valence=1), 0.5)
        closeness = np.array([1, 0, 1, 0.5, 0])  # those of the known items
        pull = (closeness - 0.5) / closeness.std()
        plain = USERS @ ITEMS.T
        expected = plain + 0.5 * plain.std(axis=1, keepdims=True) * np.insert(pull, 4, 0.0)
        np.testing.assert_allclose(scores.scores(np.arange(3), 0, 6), expected, rtol=1e-6)
        np.testing.assert_allclose(scores.scores(np.array([2, 0]), 2, 5), expected[[2, 0], 2:5], rtol=1e-6)
        # whom nothing tells apart, no mood is worth more than nothing: the spread is that of the user's own scores
        assert (scores.scores(np.array([1]), 0, 6) == 0).all()

    def test_spread_and_mean_are_those_of_the_candidates(self) -> None:
        chosen = np.array([0, 1, 3], np.int32)
        found = SteeredScorer(EmbeddingScorer(USERS, ITEMS), POINTS, KNOWN, Mood(valence=1), 2.0, chosen)
        plain = USERS @ ITEMS.T
        pull = (np.array([1, 0, 1, 0.5, 0.5, 0]) - 0.5) / np.std([1, 0, 0.5])
        pull[4] = 0
        expected = plain + 2 * plain[:, chosen].std(axis=1, keepdims=True) * pull
        np.testing.assert_allclose(found.scores(np.arange(3), 0, 6), expected, rtol=1e-6)

    @pytest.mark.parametrize(
        ("points", "known", "strength"),
        [
            (POINTS, KNOWN, 0.0),
            (POINTS, np.zeros(6, bool), 3.0),
            (np.zeros_like(POINTS), KNOWN, 3.0),
        ],
    )
    def test_no_strength_or_nothing_to_go_by_changes_nothing(self, points, known, strength) -> None:
        scores = SteeredScorer(EmbeddingScorer(USERS, ITEMS), points, known, Mood(1, 1), strength)
        np.testing.assert_array_equal(scores.scores(np.arange(3), 0, 6), USERS @ ITEMS.T)

    @given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(8, 30))
    def test_lists_come_closer_as_the_strength_grows(self, seed, k, count) -> None:
        rng = np.random.default_rng(seed)
        users, items = rng.normal(size=(4, 3)), rng.normal(size=(count, 3))
        points, known = rng.uniform(-1, 1, (count, 2)), rng.random(count) < 0.8
        mood = Mood(*rng.uniform(-1, 1, 2))
        closeness = mood.closeness(points)
        # an item without emotion counts as one of mean closeness
        closeness[~known] = closeness[known].mean() if known.any() else 0.0
        plain = EmbeddingScorer(users.astype(np.float32), items.astype(np.float32))
        before = np.full(4, -np.inf)
        for strength in (0.0, 0.3, 1.0, 3.0, 10.0, 1e4):
            scorer = SteeredScorer(plain, points.astype(np.float32), known, mood, strength)
            found = closeness[top_k(scorer, np.arange(4), k)[0]].mean(axis=1)
            assert (found >= before - 1e-5).all()
            before = found
        best = np.sort(closeness)[::-1][:k].mean()
        np.testing.assert_allclose(before, best, atol=1e-3)

    @pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf"), 1e40])
    def test_strength_has_bounds(self, strength: float) -> None:
        with pytest.raises(ConfigError, match="a list is steered by 0 to 1,000,000"):
            SteeredScorer(EmbeddingScorer(USERS, ITEMS), POINTS, KNOWN, Mood(1, 1), strength)


class TestRuns:
    def test_a_list_that_leans(self, moody_run: Path) -> None:
        run = Run.open(moody_run)
        plain = [item.item_key for item in run.recommend("u0", exclude_seen=False)]
        assert plain == ["a0", "a1", "a2", "a3", "a4", "a5"]
        mood = Mood(-1, 1)  # that of a5, which u0 likes least
        steered = [item.item_key for item in run.recommend("u0", exclude_seen=False, mood=mood, strength=9)]
        assert steered[0] == "a5"
        unseen = [item.item_key for item in run.recommend("u0", mood=mood, strength=9)]
        assert unseen == [key for key in steered if key not in {"a0", "a1"}]
        assert run.recommend("u0", mood=mood, strength=0) == run.recommend("u0")

    def test_only_the_catalogue_counts(self, moody_run: Path, graph: MusicGraph) -> None:
        part = np.array(PARTS, np.uint8)
        part[3] = UNUSED  # a2 occurs nowhere else
        Split(graph.interactions, part, {}, "split").save(moody_run / "split")
        run = Run.open(moody_run)
        chosen = np.array([0, 1, 3, 4, 5], np.int32)
        expected = SteeredScorer(EmbeddingScorer(USERS, ITEMS), POINTS, KNOWN, Mood(1, 1), 1.0, chosen)
        found = run.recommend("u2", exclude_seen=False, mood=Mood(1, 1))
        scores = expected.scores(np.array([2]), 0, 6)[0, chosen]
        assert [item.score for item in found] == pytest.approx(-np.sort(-scores), rel=1e-5)

    def test_a_run_without_emotions(self, run_folder: Path) -> None:
        with pytest.raises(
            RunError, match="knows no emotions: its graph had neither valence and arousal of artis"
        ):
            Run.open(run_folder).recommend("u0", mood=Mood(1, 1))
        assert Run.open(run_folder).recommend("u0")

    @pytest.mark.parametrize(
        ("name", "values", "message"),
        [
            ("item.npy", np.zeros((6, 3), np.float32), "does not hold valence and arousal from -1 to 1"),
            ("item.npy", np.full((6, 2), 1.5, np.float32), "does not hold valence and arousal from -1 to 1"),
            ("item.npy", np.full((6, 2), np.nan, np.float32), "does not hold valence and arousal from -1"),
            ("item.npy", np.zeros((5, 2), np.float32), "5 rows, but run.json says 6"),
            ("item.present.npy", np.ones(6), "does not hold one yes or no for each of 6 items"),
            ("item.present.npy", np.ones(5, bool), "does not hold one yes or no for each of 6 items"),
            ("item.present.npy", b"", "is damaged"),
            ("item.npy", b"\x93NUMPY", "is damaged"),
            ("item.present.npy", None, "is missing"),
        ],
    )
    def test_damaged(
        self, moody_run: Path, name: str, values: np.ndarray | bytes | None, message: str
    ) -> None:
        path = moody_run / "emotion" / name
        if isinstance(values, np.ndarray):
            np.save(path, values)
        elif values is None:
            path.unlink()
        else:
            path.write_bytes(values)
        with pytest.raises(RunError, match=message) as problem:
            Run.open(moody_run).recommend("u0", mood=Mood(1, 1))
        assert name in str(problem.value)
        assert Run.open(moody_run).recommend("u0"), "who does not ask for a mood does not need it"

    def test_neither_torch_nor_dgl_is_imported(self, moody_run: Path) -> None:
        script = (
            "import sys; from hetmusic.recommend import Mood, Run; "
            "assert Run.open(sys.argv[1]).recommend('u0', mood=Mood.of_word('calm')); "
            "assert not {'torch', 'dgl', 'pandas', 'scipy'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", script, str(moody_run)], check=True)
