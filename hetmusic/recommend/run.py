"""A finished run, opened for recommending and evaluating; needs neither torch nor DGL, but for what is said to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic._device import choose_device
from hetmusic.errors import ConfigError, UserError
from hetmusic.evaluation import Evaluation, Lists, evaluate, rank
from hetmusic.ranking import EmbeddingScorer
from hetmusic.recommend.mood import Mood
from hetmusic.recommend.recommendation import Recommendation
from hetmusic.recommend.recommending_run import RecommendingRun
from hetmusic.recommend.similar import Neighbour, neighbours

if TYPE_CHECKING:
    from hetmusic.graph import LeakageReport
    from hetmusic.recommend.explain.explainer import Asked, Explainer
    from hetmusic.recommend.explain.explanation import Explanation


class Run(RecommendingRun):
    """A finished run and what can be done with it."""

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
        keys = list(dict.fromkeys(str(user) for user in users))
        rows = self.user_indices(keys)
        scorer = self._steered(self.scorer, mood, strength)
        if items is None:
            lists = self._lists(scorer, rows, k, self._seen if exclude_seen else None)
        else:
            lists = [self._ranked(scorer, row, self.item_indices(dict.fromkeys(items))) for row in rows]
        asked = [
            self._asked(int(row), self.user_embeddings[row], found, mood is not None)
            for row, found in zip(rows, lists, strict=True)
        ]
        return dict(zip(keys, self._explainer.explain(asked), strict=True))

    def explain_for(
        self,
        liked: Iterable[str | int] = (),
        friends: Iterable[str | int] = (),
        k: int = 10,
        *,
        exclude_seen: bool = True,
        mood: Mood | None = None,
        strength: float = 1.0,
    ) -> list[Explanation]:
        """Say why items are recommended to somebody whom the run has never seen; as :meth:`recommend_for`.

        :raises ConfigError: also if nothing is liked and the model hears nothing of friends.
        """
        from hetmusic.recommend.explain.explainer import Explainer

        items, users, vector = self._newcomer(liked, friends)
        newcomers = self._newcomers
        if not len(items) and not newcomers.hears_of_friends:
            raise ConfigError(
                f"the model of {self.path} hears nothing of friends: to explain, it needs something that is liked"
            )
        found = self._lists_for(items, vector, k, exclude_seen, mood, strength)
        asked = self._asked(self.info.num_users, vector[0], found, mood is not None)
        return Explainer(self, newcomers.model, newcomers.graph_with(items, users)).explain([asked])[0]

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
        device: str = "cpu",
    ) -> Evaluation:
        """Evaluate on a part of the stored split; see :func:`hetmusic.evaluation.evaluate`.

        :param users: keys of the users to evaluate; None for all.
        :param hide: modalities to do without: users and items are encoded anew as if no item had them, which needs
            torch and the graph.
        :param device: where to rank: ``cpu`` (by numpy), ``cuda``, ``cuda:N``, or ``auto``, a GPU if there is one.
        :raises ConfigError: for a modality that the run does not use, or a device that is not there.
        """
        device = device if device == "cpu" else str(choose_device(device))
        chosen = None if users is None else self.user_indices(users)
        scorer = self._without(hide) if hide else self.scorer
        with self._naming_embeddings():
            return evaluate(
                scorer,
                self.split,
                part=part,
                mask=mask,
                ks=ks,
                metrics=metrics,
                users=chosen,
                device=device,
            )

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

    def _without(self, hide: Sequence[str]) -> EmbeddingScorer:
        from hetmusic.recommend.reencode import RunModel

        return RunModel(self.path, self.info, self.graph, hide).scorer()

    @cached_property
    def _explainer(self) -> Explainer:
        from hetmusic.recommend.explain.explainer import Explainer
        from hetmusic.recommend.reencode import RunModel

        found = RunModel(self.path, self.info, self.graph)
        return Explainer(self, found.model, found.tensors)

    def _asked(
        self, user: int, vector: NDArray[np.float32], found: list[Recommendation], steered: bool
    ) -> Asked:
        """A list to be explained.

        :param vector: the user's.
        """
        from hetmusic.recommend.explain.explainer import Asked

        items = self.item_indices(item.item_key for item in found)
        if not steered:
            return Asked(user, items, found)
        plain = self.item_embeddings[items].astype(np.float64) @ vector
        return Asked(user, items, found, np.array([item.score for item in found]) - plain)
