"""The planted worlds hold what they promise."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import ConfigError
from hetmusic.synth import MODALITIES, SIGNALS, World, WorldSettings, make_world
from hetmusic.synth.taste import shown_song


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=1)


def friend_similarity(world: World) -> float:
    """Mean cosine of friends' tastes less that of all pairs."""
    users = world.taste.users
    friends = np.sum(users[world.friends["user"]] * users[world.friends["friend"]], axis=1).mean()
    pairs = users @ users.T
    return float(friends - pairs[np.triu_indices(len(users), 1)].mean())


def recall(scores: np.ndarray, seen: np.ndarray, wanted: np.ndarray, k: int = 20) -> float:
    """Mean recall@k of users with wanted items; seen ones are not ranked."""
    top = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :k]
    hits = np.take_along_axis(wanted, top, axis=1).sum(axis=1)
    some = wanted.any(axis=1)
    return float((hits[some] / wanted[some].sum(axis=1)).mean())


def holdout(world: World, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out listens as boolean matrices."""
    shape = (world.settings.users, world.settings.songs)
    seen, wanted = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    held = np.random.default_rng(0).random(len(world.listens)) < share
    for matrix, rows in ((seen, ~held), (wanted, held)):
        chosen = world.listens.filter(pl.Series(rows))
        matrix[chosen["user"], chosen["song"]] = True
    return seen, wanted


def test_sizes_are_those_asked_for(world: World) -> None:
    settings = world.settings
    assert (len(world.users), len(world.songs), len(world.artists)) == (300, 600, 80)
    assert 110 <= len(world.albums) <= 190
    assert len(world.listens) / settings.users == pytest.approx(settings.listens_per_user, rel=0.1)
    assert world.listens["user"].n_unique() == settings.users
    assert world.listens.group_by("user").len()["len"].min() >= settings.min_listens
    assert len(world.friends) == 900
    assert world.tags["user"].n_unique() > 200


def test_tables_refer_to_each_other(world: World) -> None:
    assert not world.listens.select("user", "song").is_duplicated().any()
    assert (world.friends["user"] < world.friends["friend"]).all()
    assert set(world.songs["artist"]) == set(range(80))
    assert set(world.songs["album"]) == set(range(len(world.albums)))
    assert (world.albums["artist"].gather(world.songs["album"]) == world.songs["artist"]).all()
    tagged = world.tags.join(world.listens, on=["user", "song"], how="left", suffix="_played")
    assert (tagged["time"] >= tagged["time_played"]).all(), "only songs listened to are tagged, and later"
    assert world.songs["valence"].is_between(-1, 1).all()


def test_truth_ranks_held_out_listens_far_better_than_popularity(world: World) -> None:
    seen, wanted = holdout(world)
    best = recall(world.best_ranking_scores(), seen, wanted)
    popular = recall(np.tile(seen.sum(axis=0), (len(seen), 1)), seen, wanted)
    assert 0.4 <= best <= 0.8
    assert popular < best / 3


def test_a_recommender_can_learn_the_taste_from_the_listens(world: World) -> None:
    seen, wanted = holdout(world)
    counts = seen.astype(float)
    inverse = np.linalg.inv(counts.T @ counts + 20.0 * np.eye(counts.shape[1]))  # EASE (Steck 2019)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    popular = recall(np.tile(seen.sum(axis=0), (len(seen), 1)), seen, wanted)
    learned = recall(counts @ weights, seen, wanted)
    assert 0.3 <= learned <= 0.6
    assert learned > 2.5 * popular


def test_true_factors_give_the_scores(world: World) -> None:
    expected = (
        world.taste.users[3] @ world.taste.songs.T / world.settings.temperature + world.taste.popularity
    )
    np.testing.assert_allclose(world.best_ranking_scores(np.array([3]))[0], expected, atol=1e-4)
    assert world.user_factors.dtype == world.item_factors.dtype == np.float32


def test_homophily_moves_the_similarity_of_friends() -> None:
    settings = {"users": 200, "songs": 100, "artists": 20, "listens_per_user": 10}
    measured = [
        friend_similarity(make_world(WorldSettings(homophily=h, **settings))) for h in (0.0, 0.5, 1.0)
    ]
    assert abs(measured[0]) < 0.05
    assert measured[1] == pytest.approx(measured[2] / 2, abs=0.12)
    assert measured[2] > 0.4
    silent = make_world(WorldSettings(homophily=1.0, signals={"social": 0.0}, **settings))
    assert abs(friend_similarity(silent)) < 0.05


def test_only_like_minded_friends_at_homophily_one() -> None:
    world = make_world(WorldSettings(homophily=1.0))
    users = world.taste.users
    pairs = users @ users.T
    rank = (
        pairs[world.friends["user"]] > pairs[world.friends["user"], world.friends["friend"]][:, None]
    ).sum(axis=1)
    back = (
        pairs[world.friends["friend"]] > pairs[world.friends["user"], world.friends["friend"]][:, None]
    ).sum(axis=1)
    assert np.minimum(rank, back).max() <= 0.08 * len(users), (
        "each friendship is within somebody's nearest 8 %"
    )


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_asked_share_lacks_a_modality(modality: str, share: float) -> None:
    world = make_world(WorldSettings(**{f"missing_{modality}": share}))
    assert (~world.present[modality]).sum() == round(600 * share)


def test_modalities_are_absent_independently(world: World) -> None:
    both = (~world.present["audio"] & ~world.present["cover"]).mean()
    assert both == pytest.approx(0.25 * 0.2, abs=0.03)


def test_parts_of_the_world_do_not_disturb_each_other(world: World) -> None:
    other = make_world(
        WorldSettings(homophily=0.1, missing_audio=0.5, signals={"lyrics": 0.2, "artist": 0.0}), seed=1
    )
    assert other.listens.equals(world.listens)
    assert other.tags.equals(world.tags)
    assert not other.friends.equals(world.friends)
    assert other.lyrics != world.lyrics
    assert other.songs["artist"].to_list() != world.songs["artist"].to_list()


def test_another_seed_is_another_world(world: World) -> None:
    assert not make_world(seed=2).listens.equals(world.listens)


def test_listening_signal_silences_the_history_but_not_the_answers() -> None:
    world = make_world(WorldSettings(signals={"listening": 0.0}))
    affinity = world.taste.users @ world.taste.songs.T
    ordered = world.listens.sort("user", "time")
    late = ordered.select(
        pl.int_range(pl.len()).over("user") >= (pl.len().over("user") * 0.8).ceil()
    ).to_series()
    cosine = pl.Series(affinity[ordered["user"], ordered["song"]])
    assert abs(cosine.filter(~late).mean() - affinity.mean()) < 0.05
    assert cosine.filter(late).mean() > affinity.mean() + 0.3


def test_drifting_tastes_show_in_when_and_nowhere_else(world: World) -> None:
    drifting = make_world(WorldSettings(drift=0.5), seed=1)
    # users play as many songs as in the same world without drift, and have the same friends
    assert drifting.listens["user"].equals(world.listens["user"])
    assert drifting.friends.equals(world.friends)
    found = []
    for made in (world, drifting):
        listens = made.listens.sort("user", "time")
        cosine = np.sum(made.taste.users[listens["user"]] * made.taste.songs[listens["song"]], axis=1)
        place = (pl.col("time").rank("ordinal").over("user") - 1) / pl.len().over("user")
        share = listens.select(place).to_series().to_numpy()
        # drift ends at 40 % of the listens, and the answers begin at 80 %
        found.append(
            [cosine[(share >= low) & (share < high)].mean() for low, high in ((0, 0.35), (0.45, 0.75))]
        )
    assert found[0][0] == pytest.approx(found[0][1], abs=0.05)
    assert found[1][1] > 0.5
    assert found[1][0] < found[1][1] - 0.2


def test_quiet_users_are_those_whose_history_says_nothing() -> None:
    loud, quiet = make_world(), make_world(WorldSettings(quiet_users=1.0))
    means = []
    for world in (loud, quiet):
        affinity = world.taste.users @ world.taste.songs.T
        means.append(affinity[world.listens["user"], world.listens["song"]].mean())
    assert means[0] > means[1] + 0.3


def test_friends_tell_what_quiet_users_like_and_nothing_else_does() -> None:
    def recall_of_quiet(strength: float) -> dict[str, float]:
        settings = WorldSettings.only("listening", quiet_users=0.3, homophily=1.0)
        world = make_world(settings.model_copy(update={"signals": {**settings.signals, "social": strength}}))
        last = world.listens.select(
            pl.col("time").rank().over("user") > 0.8 * pl.len().over("user")
        ).to_series()
        seen, wanted = (np.zeros((300, 600), dtype=bool) for _ in range(2))
        for matrix, rows in ((seen, ~last), (wanted, last)):
            matrix[world.listens.filter(rows)["user"], world.listens.filter(rows)["song"]] = True
        friends = np.zeros((300, 300))
        friends[world.friends["user"], world.friends["friend"]] = 1.0
        friends += friends.T
        scores = {
            "best": world.best_ranking_scores(),
            "popular": np.tile(seen.sum(axis=0), (300, 1)),
            "friends": friends @ seen,
            "alike": (seen.astype(float) @ seen.T) @ seen,
        }
        assert 60 <= world.quiet.sum() <= 120
        return {
            name: recall(score[world.quiet], seen[world.quiet], wanted[world.quiet])
            for name, score in scores.items()
        }

    told, untold = recall_of_quiet(1.0), recall_of_quiet(0.0)
    assert told["best"] > 0.4
    assert told["friends"] > 1.5 * max(told["popular"], told["alike"], untold["friends"])


def test_shown_song_keeps_the_asked_share_and_each_song_once() -> None:
    shown = shown_song(10_000, 0.7, np.random.default_rng(0))
    assert np.mean(shown == np.arange(10_000)) == pytest.approx(0.7, abs=0.02)
    assert np.array_equal(np.sort(shown), np.arange(10_000))
    assert np.array_equal(shown_song(50, 1.0, np.random.default_rng(0)), np.arange(50))


def test_emotion_signal_ties_valence_to_style() -> None:
    def explained(strength: float) -> float:
        world = make_world(WorldSettings(signals={"emotion": strength}))
        valence, style = world.songs["valence"].to_numpy(), world.taste.song_style
        within = sum(valence[style == s].var() * np.mean(style == s) for s in range(8))
        return 1 - within / valence.var()

    assert explained(1.0) > 0.5
    assert explained(0.0) < 0.05


def test_only_leaves_one_signal() -> None:
    settings = WorldSettings.only("audio", users=20)
    assert settings.users == 20
    assert {name for name in SIGNALS if settings.signals[name] > 0} == {"audio"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"user": 3}, "user.*did you mean 'users'"),
        ({"users": 1}, "'users': .*greater than or equal to 2"),
        ({"users": "many"}, "'users': .*integer"),
        ({"signals": {"audi": 1}}, "'audi'.*did you mean 'audio'"),
        ({"signals": {"audio": 1.5}}, r"'audio' has strength 1.5.*\[0, 1\]"),
        ({"factors": 4}, r"factors \(4\) must be at least styles \(8\)"),
        ({"songs": 40}, r"artists \(80\) must not exceed songs \(40\)"),
        ({"songs": 40, "artists": 5}, r"listens_per_user \(25\).*half of songs \(40\)"),
    ],
)
def test_mistakes_in_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        WorldSettings.parse(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {
            "users": 2,
            "songs": 6,
            "artists": 1,
            "styles": 2,
            "factors": 2,
            "listens_per_user": 3,
            "tags_per_user": 0,
        },
        {
            "users": 50,
            "songs": 60,
            "artists": 60,
            "styles": 16,
            "friends_per_user": 0,
            "albums_per_artist": 1.0,
        },
        {"users": 5, "friends_per_user": 100},
    ],
)
def test_extreme_settings_still_make_a_world(values: dict[str, object]) -> None:
    world = make_world(WorldSettings.parse(values))
    assert len(world.listens) >= len(world.users)
    assert len(world.friends) <= len(world.users) * (len(world.users) - 1) / 2
