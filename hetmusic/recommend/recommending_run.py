"""A finished run, opened for recommending; needs neither torch nor DGL, but for newcomers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic.errors import ConfigError, RunError
from hetmusic.ranking import EmbeddingScorer, ScoreError, Scorer, SeenItems, top_k
from hetmusic.recommend.mood import Mood, SteeredScorer
from hetmusic.recommend.recommendation import Recommendation
from hetmusic.recommend.stored_run import StoredRun

if TYPE_CHECKING:
    from hetmusic.recommend.reencode import Newcomers


class RecommendingRun(StoredRun):
    """A finished run and its lists, for its users and for others."""

    @overload
    def recommend(  # type: ignore[overload-overlap]  # a text is a sequence of texts, too
        self,
        users: str | int,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> list[Recommendation]: ...

    @overload
    def recommend(
        self,
        users: Sequence[str | int],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> dict[str, list[Recommendation]]: ...

    def recommend(
        self,
        users: str | int | Sequence[str | int],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> list[Recommendation] | dict[str, list[Recommendation]]:
        """Recommend the best ``k`` items, best first; equal scores rank by ascending item index.

        Candidates are the items of the split's catalogue, which usually is every item of the graph.

        :param users: a user's key, or several.
        :param exclude_seen: leave out the user's training and validation items.
        :param mood: lean towards this mood; see :class:`~hetmusic.recommend.mood.SteeredScorer`.
        :param strength: how much.
        :return: the list of the one user, or a list for each key. A list is shorter than ``k`` when fewer
            items remain.
        :raises UnknownKeyError: for a user that the run does not know.
        :raises ConfigError: if ``k`` is not positive, or the strength is negative.
        :raises RunError: for a mood, if the run knows no emotions.
        """
        if isinstance(users, (str, int)):
            return self.recommend([users], k, exclude_seen=exclude_seen, mood=mood, strength=strength)[
                str(users)
            ]
        keys = list(dict.fromkeys(str(user) for user in users))
        scorer = self._steered(self.scorer, mood, strength)
        seen = self._seen if exclude_seen else None
        return dict(zip(keys, self._lists(scorer, self.user_indices(keys), k, seen), strict=True))

    def recommend_for(
        self,
        liked: Iterable[str | int] = (),
        friends: Iterable[str | int] = (),
        k: int = 10,
        *,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> list[Recommendation]:
        """Recommend to somebody whom the run has never seen, without training anything; needs torch and the graph.

        :param liked: keys of items.
        :param friends: keys of users of the run.
        :param exclude_seen: leave out the liked items.
        :param mood: as for :meth:`recommend`.
        :raises UnknownKeyError: for a key that the run does not know.
        :raises ConfigError: if there is neither a liked item nor a friend.
        :raises RunError: if the graph is gone or has changed, or weights are missing.
        """
        items, _, vector = self._newcomer(liked, friends)
        return self._lists_for(items, vector, k, exclude_seen, mood, strength)

    # -- inside ----------------------------------------------------------------------------------------------

    @cached_property
    def _seen(self) -> SeenItems:
        return SeenItems.from_edges(
            [self.split.train, self.split.valid], num_users=self.info.num_users, num_items=self.info.num_items
        )

    @cached_property
    def _newcomers(self) -> Newcomers:
        from hetmusic.recommend.reencode import Newcomers, RunModel

        return Newcomers(RunModel(self.path, self.info, self.graph))

    def _newcomer(
        self, liked: Iterable[str | int], friends: Iterable[str | int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Liked items and friends of somebody new, and the final vector, shape ``(1, d)``."""
        items, users = np.unique(self.item_indices(liked)), np.unique(self.user_indices(friends))
        if not len(items) and not len(users):
            raise ConfigError("name something that the newcomer likes, or a friend")
        train = self.split.train
        friends_like = np.unique(train.dst[np.isin(train.src, users)])
        return items, users, self._newcomers.vector(items, users, friends_like)

    def _lists_for(
        self,
        items: NDArray[np.int64],
        vector: NDArray[np.float32],
        k: int,
        exclude_seen: bool,
        mood: Mood | None,
        strength: float,
    ) -> list[Recommendation]:
        """The list of somebody new.

        :param items: what is liked.
        :param vector: as :meth:`_newcomer` gives it.
        """
        from hetmusic.graph.types import Edges

        scorer = self._steered(EmbeddingScorer(vector, self.item_embeddings), mood, strength)
        newcomer = np.zeros(1, dtype=np.int64)
        known = Edges(np.zeros(len(items), np.int32), items.astype(np.int32))
        seen = SeenItems.from_edges([known], num_users=1, num_items=self.info.num_items)
        return self._lists(scorer, newcomer, k, seen if exclude_seen else None)[0]

    def _ranked(self, scorer: Scorer, user: int, items: NDArray[np.int64]) -> list[Recommendation]:
        """Chosen items, best first."""
        if not len(items):
            return []
        with self._naming_embeddings():
            found, scores = top_k(
                scorer, np.array([user]), len(items), None, np.unique(items).astype(np.int32)
            )
        return self._recommendations(found[0], scores[0])

    def _steered(self, scorer: EmbeddingScorer, mood: Mood | None, strength: float) -> Scorer:
        if mood is None:
            return scorer
        return SteeredScorer(scorer, *self.item_emotions, mood, strength, self.split.items)

    @contextlib.contextmanager
    def _naming_embeddings(self) -> Iterator[None]:
        """Scores that are not numbers come from the stored vectors: say where those are."""
        try:
            yield
        except ScoreError as problem:
            raise RunError(f"{self.path / layout.EMBEDDINGS_FOLDER} is damaged: {problem}") from None

    def _lists(
        self, scorer: Scorer, users: NDArray[np.int64], k: int, seen: SeenItems | None
    ) -> list[list[Recommendation]]:
        if k < 1:
            raise ConfigError(f"k is {k} but a list has at least one place")
        with self._naming_embeddings():
            items, scores = top_k(scorer, users, k, seen, self.split.items)
        return [self._recommendations(*row) for row in zip(items, scores, strict=True)]

    def _recommendations(self, items: NDArray[np.int32], scores: NDArray[np.float32]) -> list[Recommendation]:
        # str() of a float32 is its shortest form: 0.1 rather than 0.10000000149
        return [
            Recommendation(self.item_keys[item], self.item_names[item], float(str(score)), rank)
            for rank, (item, score) in enumerate(zip(items, scores, strict=True), start=1)
            if item >= 0
        ]
