"""A finished run, opened for recommending and evaluating; needs neither torch nor DGL, but for what is said to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic.errors import ConfigError, RunError, UserError
from hetmusic.evaluation import Evaluation, Lists, evaluate, rank
from hetmusic.ranking import EmbeddingScorer, ScoreError, Scorer, SeenItems, top_k
from hetmusic.recommend.mood import Mood, SteeredScorer
from hetmusic.recommend.recommendation import Recommendation
from hetmusic.recommend.similar import Neighbour, neighbours
from hetmusic.recommend.stored_run import StoredRun

if TYPE_CHECKING:
    from hetmusic.graph import LeakageReport
    from hetmusic.recommend.explain.explainer import Explainer
    from hetmusic.recommend.explain.explanation import Explanation
    from hetmusic.recommend.reencode import Newcomers


class Run(StoredRun):
    """A finished run and what can be done with it."""

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
        from hetmusic.graph.types import Edges

        items, users = np.unique(self.item_indices(liked)), np.unique(self.user_indices(friends))
        if not len(items) and not len(users):
            raise ConfigError("name something that the newcomer likes, or a friend")
        train = self.split.train
        friends_like = np.unique(train.dst[np.isin(train.src, users)])
        vector = self._newcomers.vector(items, users, friends_like)
        scorer = self._steered(EmbeddingScorer(vector, self.item_embeddings), mood, strength)
        newcomer = np.zeros(1, dtype=np.int64)
        known = Edges(np.zeros(len(items), np.int32), items.astype(np.int32))
        seen = SeenItems.from_edges([known], num_users=1, num_items=self.info.num_items)
        return self._lists(scorer, newcomer, k, seen if exclude_seen else None)[0]

    @overload
    def explain(  # type: ignore[overload-overlap]  # a text is a sequence of texts, too
        self,
        users: str | int,
        k: int = 10,
        *,
        items: Sequence[str | int] | None = None,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> list[Explanation]: ...

    @overload
    def explain(
        self,
        users: Sequence[str | int],
        k: int = 10,
        *,
        items: Sequence[str | int] | None = None,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> dict[str, list[Explanation]]: ...

    def explain(
        self,
        users: str | int | Sequence[str | int],
        k: int = 10,
        *,
        items: Sequence[str | int] | None = None,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> list[Explanation] | dict[str, list[Explanation]]:
        """Say why items are recommended (docs/explanations.md); needs torch and the graph.

        :param users: as for :meth:`recommend`, whose lists are explained; many users at once take less than one by one.
        :param items: keys of items to explain in place of the lists; ranked among themselves, whether seen or not.
        :param mood: as for :meth:`recommend`; what it adds to a score is a part of its own.
        :return: the explanations of the one user's list, best item first, or such a list for each key.
        :raises UnknownKeyError: for a user or an item that the run does not know.
        :raises ConfigError: as :meth:`recommend` does.
        :raises RunError: if the graph is gone or has changed, weights are missing, or they are not those of the embeddings.
        """
        if isinstance(users, (str, int)):
            return self.explain(
                [users], k, items=items, exclude_seen=exclude_seen, mood=mood, strength=strength
            )[str(users)]
        from hetmusic.recommend.explain.explainer import Asked

        keys = list(dict.fromkeys(str(user) for user in users))
        rows = self.user_indices(keys)
        scorer = self._steered(self.scorer, mood, strength)
        if items is None:
            lists = self._lists(scorer, rows, k, self._seen if exclude_seen else None)
        else:
            lists = [self._ranked(scorer, row, self.item_indices(dict.fromkeys(items))) for row in rows]
        asked = []
        for row, recommended in zip(rows, lists, strict=True):
            found = self.item_indices(item.item_key for item in recommended)
            added = None
            if mood is not None:
                plain = self.item_embeddings[found].astype(np.float64) @ self.user_embeddings[row]
                added = np.array([item.score for item in recommended]) - plain
            asked.append(Asked(int(row), found, recommended, added))
        return dict(zip(keys, self._explainer.explain(asked), strict=True))

    def similar(
        self,
        key: str | int,
        k: int = 10,
        *,
        node_type: str | None = None,
        modality: str | None = None,
        emotion: bool = False,
    ) -> list[Neighbour]:
        """What is most alike to a node, best first; see :func:`hetmusic.recommend.similar.neighbours`.

        :param node_type: type of the node; by default the run's item type.
        """
        chosen = self.info.item_type if node_type is None else node_type
        return neighbours(self, chosen, key, k, modality=modality, emotion=emotion)

    def evaluate(
        self,
        *,
        part: str = "test",
        mask: str | None = None,
        ks: Sequence[int] = (5, 10, 20, 50),
        metrics: Sequence[str] | None = None,
        users: Sequence[str | int] | None = None,
        hide: Sequence[str] = (),
    ) -> Evaluation:
        """Evaluate on a part of the stored split; see :func:`hetmusic.evaluation.evaluate`.

        :param users: keys of the users to evaluate; None for all.
        :param hide: modalities to do without: users and items are encoded anew as if no item had them, which needs
            torch and the graph.
        :raises ConfigError: for a modality that the run does not use.
        """
        chosen = None if users is None else self.user_indices(users)
        scorer = self._without(hide) if hide else self.scorer
        with self._naming_embeddings():
            return evaluate(scorer, self.split, part=part, mask=mask, ks=ks, metrics=metrics, users=chosen)

    def ranked(self, k: int, *, part: str = "test", mask: str | None = None) -> Lists:
        """The lists of all users with held-out items; see :func:`hetmusic.evaluation.rank`."""
        with self._naming_embeddings():
            return rank(self.scorer, self.split, k, part=part, mask=mask)

    def check_leakage(self) -> LeakageReport:
        """Look for held-out pairs in what the run's training could see of its graph.

        :raises RunError: if the graph is gone or has changed.
        :raises SplitError: if the stored split does not belong to the graph.
        """
        from hetmusic.graph import Split, TrainingView, check_leakage

        graph = self.graph
        split = Split.load(self.path / layout.SPLIT_FOLDER, graph)
        return check_leakage(TrainingView(graph, split), graph, split)

    def leakage_or_reason(self) -> LeakageReport | str:
        """The outcome of :meth:`check_leakage`; where the graph has gone, is damaged or has changed, why there is none.

        A run can be evaluated without its graph, so this is no error.
        """
        try:
            return self.check_leakage()
        except UserError as problem:
            return str(problem)

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

    @cached_property
    def _explainer(self) -> Explainer:
        from hetmusic.recommend.explain.explainer import Explainer

        return Explainer(self)

    def _ranked(self, scorer: Scorer, user: int, items: NDArray[np.int64]) -> list[Recommendation]:
        """Chosen items, best first."""
        with self._naming_embeddings():
            found, scores = top_k(
                scorer, np.array([user]), len(items), None, np.unique(items).astype(np.int32)
            )
        return self._recommendations(found[0], scores[0])

    def _without(self, hide: Sequence[str]) -> EmbeddingScorer:
        from hetmusic.recommend.reencode import RunModel

        return RunModel(self.path, self.info, self.graph, hide).scorer()

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
