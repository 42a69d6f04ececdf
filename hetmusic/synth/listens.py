"""Who listens to what, how often and when; and who is whose friend."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.synth._random import stream
from hetmusic.synth.settings import WorldSettings
from hetmusic.synth.taste import FloatArray, IntArray, Taste

#: 2020-01-01 and 2024-01-01 UTC, in seconds since 1970: when the listening happens
FIRST_SECOND, LAST_SECOND = 1_577_836_800, 1_704_067_200

#: Share of all users, the nearest in taste, among whom a like-minded friend is drawn.
_LIKE_MINDED = 0.08


def quiet_users(settings: WorldSettings, seed: int) -> NDArray[np.bool_]:
    """Which users' listens, but the answers, say nothing about their taste, shape ``(users,)``."""
    return stream(seed, "quiet users").random(settings.users) < settings.quiet_users


def make_listens(settings: WorldSettings, taste: Taste, quiet: NDArray[np.bool_], seed: int) -> pl.DataFrame:
    """Draw listens without replacement by ``softmax(affinity / temperature + popularity)``.

    :param quiet: as of :func:`quiet_users`.
    :return: columns ``user``, ``song`` (row numbers), ``plays``, ``time`` (of the first play), sorted by
        user, song.
    """
    rng = stream(seed, "listens")
    counts = _listen_counts(settings, rng)
    strength = np.where(quiet, 0.0, settings.signals["listening"])
    former = taste.users[stream(seed, "former tastes").permutation(settings.users)]
    blocks = [
        _listens_of(user, int(counts[user]), strength[user], settings, taste, former[user], rng)
        for user in range(settings.users)
    ]
    return pl.concat(blocks).sort("user", "song")


def _listen_counts(settings: WorldSettings, rng: np.random.Generator) -> IntArray:
    """Songs per user: skewed, with the mean asked for, between the minimum and half the catalogue."""
    least = min(settings.min_listens, int(settings.listens_per_user))
    spread = settings.listens_per_user - least
    raw = least + spread * rng.gamma(2.0, 0.5, settings.users)
    return np.clip(np.rint(raw), least, settings.songs // 2).astype(np.int64)


def _listens_of(
    user: int,
    count: int,
    strength: float,
    settings: WorldSettings,
    taste: Taste,
    former: FloatArray,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """What one user played by the former taste, then by the present one, and then the answers, which always follow it."""
    cosine = taste.songs @ taste.users[user]
    answers = max(1, round(count * settings.answer_share))
    outgrown = round((count - answers) * settings.drift)
    songs, liking = np.empty(0, np.int64), np.empty(0)
    for own, share, number in (
        (taste.songs @ former, strength, outgrown),
        (cosine, strength, count - answers - outgrown),
        (cosine, 1.0, answers),
    ):
        logits = share * own / settings.temperature + taste.popularity
        logits[songs] = -np.inf
        drawn = _draw(logits, number, rng) if number else np.empty(0, np.int64)
        songs, liking = np.concatenate([songs, drawn]), np.concatenate([liking, own[drawn]])
    plays = 1 + rng.poisson(4.0 * np.exp(liking) * rng.gamma(1.0, 1.0, count))
    times = np.sort(rng.integers(FIRST_SECOND, LAST_SECOND, count))
    # within each of the two tastes the order says nothing, but the answers stay last
    for part in (slice(outgrown, count - answers), slice(outgrown)):
        times[part] = rng.permutation(times[part])
    return pl.DataFrame({"user": np.full(count, user), "song": songs, "plays": plays, "time": times})


def _draw(logits: FloatArray, count: int, rng: np.random.Generator) -> IntArray:
    """Draw ``count`` indices without replacement by softmax of the logits (Gumbel top-k)."""
    return _largest(logits + rng.gumbel(size=len(logits)), count)


def _largest(values: FloatArray, count: int) -> IntArray:
    """Indices of the ``count`` largest values, largest first."""
    chosen = np.argpartition(-values, count - 1)[:count] if count < len(values) else np.arange(len(values))
    return chosen[np.argsort(-values[chosen], kind="stable")]


def make_friends(settings: WorldSettings, taste: Taste, seed: int) -> pl.DataFrame:
    """Draw friendships, of which a share ``homophily * signals["social"]`` is between like-minded users.

    :return: columns ``user`` < ``friend`` (row numbers), unique and sorted.
    """
    rng = stream(seed, "friends")
    possible = settings.users * (settings.users - 1) // 2
    wanted = min(round(settings.users * settings.friends_per_user / 2), possible)
    homophily = settings.homophily * settings.signals["social"]
    near = _nearest_users(taste, max(2, round(settings.users * _LIKE_MINDED)))
    pairs: set[tuple[int, int]] = set()
    for _ in range(
        20 * wanted
    ):  # a bound: with few users and homophily 1 there may not be enough like-minded pairs
        if len(pairs) == wanted:
            break
        user = int(rng.integers(settings.users))
        pool = near[user] if rng.random() < homophily else None
        other = int(rng.integers(settings.users) if pool is None else pool[rng.integers(len(pool))])
        if other != user:
            pairs.add((min(user, other), max(user, other)))
    rows = sorted(pairs)
    return pl.DataFrame(
        {"user": [a for a, _ in rows], "friend": [b for _, b in rows]},
        schema={"user": pl.Int64, "friend": pl.Int64},
    )


def _nearest_users(taste: Taste, count: int) -> IntArray:
    """The users nearest in taste to each user but the user, shape ``(users, min(count, users - 1))``."""
    nearest = np.empty((len(taste.users), min(count, len(taste.users) - 1)), dtype=np.int64)
    for user, vector in enumerate(taste.users):  # row by row: users x users is never held
        similarity = taste.users @ vector
        similarity[user] = -np.inf
        nearest[user] = _largest(similarity, nearest.shape[1])
    return nearest
