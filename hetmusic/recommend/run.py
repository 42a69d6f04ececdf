"""A finished run, opened for recommending and evaluating; needs neither torch nor DGL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic._io import read_json
from hetmusic.errors import ConfigError, RunError, UnknownKeyError, UserError, did_you_mean
from hetmusic.evaluation import Evaluation, evaluate
from hetmusic.ranking import EmbeddingScorer, ScoreError, SeenItems, top_k
from hetmusic.recommend import reading
from hetmusic.recommend.recommendation import Recommendation
from hetmusic.recommend.stored_split import read_split

if TYPE_CHECKING:
    from hetmusic.graph import LeakageReport, MusicGraph, Split

#: beyond this many keys a "did you mean" would take seconds
_MAX_KEYS_FOR_HINT = 20_000


class Run:
    """A finished run. Files are read when first needed; a damaged one is refused with a :class:`RunError`."""

    def __init__(self, path: Path, info: layout.RunInfo) -> None:
        """Use :meth:`open`."""
        self.path = path
        #: content of ``run.json``
        self.info = info

    def __repr__(self) -> str:
        counts = f"{self.info.num_users:,} users, {self.info.num_items:,} {self.info.item_type}s"
        return f"Run({str(self.path)!r}: {counts})"

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open the folder of a finished run; ids and embeddings are checked against each other.

        :raises RunError: if the folder is not a run, the run is unfinished, or a file is missing or damaged.
        """
        folder = Path(path)
        info = layout.RunInfo.load(folder)
        if info.status != "finished":
            raise RunError(
                f"{folder} is not finished (it is {info.status}); go on with: hetmusic fit --resume {folder}"
            )
        run = cls(folder, info)
        run._check_dimensions()
        _ = run._user_ids, run._item_ids
        return run

    # -- what the run holds ----------------------------------------------------------------------------------

    @cached_property
    def config(self) -> dict[str, Any]:
        """The complete configuration, from ``config.toml``."""
        return reading.read_toml(self.path / layout.CONFIG_FILE)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The final metrics, from ``metrics.json``, e.g. ``{"ndcg@10": 0.21, ...}``."""
        path = self.path / layout.METRICS_FILE
        reading.require_file(path)
        value = read_json(path, RunError)
        if not isinstance(value, dict):
            raise RunError(f"{path} does not hold a JSON object")
        return value

    @property
    def user_keys(self) -> list[str]:
        """Original ids of the users, by index."""
        return self._user_ids[0]

    @property
    def user_names(self) -> list[str]:
        """Names of the users, by index; the key where there is none."""
        return self._user_ids[1]

    @property
    def item_keys(self) -> list[str]:
        """Original ids of the items, by index."""
        return self._item_ids[0]

    @property
    def item_names(self) -> list[str]:
        """Names of the items, by index; the key where there is none."""
        return self._item_ids[1]

    @cached_property
    def user_embeddings(self) -> NDArray[np.float32]:
        """Memory-mapped, shape ``(num_users, dim)``."""
        return reading.open_embeddings(self.path / layout.USER_EMBEDDINGS_FILE, self.info.num_users)

    @cached_property
    def item_embeddings(self) -> NDArray[np.float32]:
        """Memory-mapped, shape ``(num_items, dim)``; the score of a pair is the inner product."""
        return reading.open_embeddings(self.path / layout.ITEM_EMBEDDINGS_FILE, self.info.num_items)

    @cached_property
    def split(self) -> Split:
        """The interactions in training, validation and test parts."""
        return read_split(self.path / layout.SPLIT_FOLDER, self.info.num_users, self.info.num_items)

    @property
    def scorer(self) -> EmbeddingScorer:
        """The run as a scorer of (user, item) pairs."""
        return EmbeddingScorer(self.user_embeddings, self.item_embeddings)

    @cached_property
    def graph(self) -> MusicGraph:
        """The graph that the run was fitted on. Nothing else here needs it.

        :raises RunError: if its folder is gone or holds another graph by now.
        """
        from hetmusic.graph import MusicGraph

        folder = self.info.graph.locate(self.path)
        graph = MusicGraph.open(folder)
        if graph.checksum != self.info.graph.checksum:
            raise RunError(
                f"{folder} is not the graph that {self.path} was fitted on: its nodes or edges have changed"
            )
        return graph

    # -- what can be done with it ----------------------------------------------------------------------------

    @overload
    def recommend(  # type: ignore[overload-overlap]  # a text is a sequence of texts, too
        self, users: str | int, k: int = 10, *, exclude_seen: bool = True
    ) -> list[Recommendation]: ...

    @overload
    def recommend(
        self, users: Sequence[str | int], k: int = 10, *, exclude_seen: bool = True
    ) -> dict[str, list[Recommendation]]: ...

    def recommend(
        self, users: str | int | Sequence[str | int], k: int = 10, *, exclude_seen: bool = True
    ) -> list[Recommendation] | dict[str, list[Recommendation]]:
        """Recommend the best ``k`` items, best first; equal scores rank by ascending item index.

        Candidates are the items of the split's catalogue, which usually is every item of the graph.

        :param users: a user's key, or several.
        :param exclude_seen: leave out the user's training and validation items.
        :return: the list of the one user, or a list for each key. A list is shorter than ``k`` when fewer
            items remain.
        :raises UnknownKeyError: for a user that the run does not know.
        :raises ConfigError: if ``k`` is not positive.
        """
        if k < 1:
            raise ConfigError(f"k is {k} but a list has at least one place")
        if isinstance(users, (str, int)):
            return self.recommend([users], k, exclude_seen=exclude_seen)[str(users)]
        keys = list(dict.fromkeys(str(user) for user in users))
        seen = self._seen if exclude_seen else None
        with self._naming_embeddings():
            items, scores = top_k(self.scorer, self.user_indices(keys), k, seen, self.split.items)
        lists = [self._recommendations(*row) for row in zip(items, scores, strict=True)]
        return dict(zip(keys, lists, strict=True))

    def evaluate(
        self,
        *,
        part: str = "test",
        mask: str | None = None,
        ks: Sequence[int] = (5, 10, 20, 50),
        metrics: Sequence[str] | None = None,
        users: Sequence[str | int] | None = None,
    ) -> Evaluation:
        """Evaluate on a part of the stored split; see :func:`hetmusic.evaluation.evaluate`.

        :param users: keys of the users to evaluate; None for all.
        """
        chosen = None if users is None else self.user_indices(users)
        with self._naming_embeddings():
            return evaluate(
                self.scorer, self.split, part=part, mask=mask, ks=ks, metrics=metrics, users=chosen
            )

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

    def user_indices(self, keys: Iterable[str | int]) -> NDArray[np.int64]:
        """Indices of users by key.

        :raises UnknownKeyError: naming the first key that is unknown, and how many are.
        """
        texts = [str(key) for key in keys]
        unknown = [key for key in texts if key not in self._user_index]
        if unknown:
            many = f"{len(unknown):,} of {len(texts):,} users are unknown; first: " if len(texts) > 1 else ""
            known = f"is not among the {self.info.num_users:,} users of {self.path}"
            hint = did_you_mean(unknown[0], islice(self.user_keys, _MAX_KEYS_FOR_HINT))
            raise UnknownKeyError(f"{many}user {unknown[0]!r} {known}{hint}")
        return np.array([self._user_index[key] for key in texts], dtype=np.int64)

    # -- inside ----------------------------------------------------------------------------------------------

    @cached_property
    def _user_ids(self) -> tuple[list[str], list[str]]:
        return reading.read_ids(self.path / layout.USER_IDS_FILE, self.info.num_users)

    @cached_property
    def _item_ids(self) -> tuple[list[str], list[str]]:
        return reading.read_ids(self.path / layout.ITEM_IDS_FILE, self.info.num_items)

    @cached_property
    def _user_index(self) -> dict[str, int]:
        return {key: index for index, key in enumerate(self.user_keys)}

    @cached_property
    def _seen(self) -> SeenItems:
        return SeenItems.from_edges(
            [self.split.train, self.split.valid], num_users=self.info.num_users, num_items=self.info.num_items
        )

    @contextlib.contextmanager
    def _naming_embeddings(self) -> Iterator[None]:
        """Scores that are not numbers come from the stored vectors: say where those are."""
        try:
            yield
        except ScoreError as problem:
            raise RunError(f"{self.path / layout.EMBEDDINGS_FOLDER} is damaged: {problem}") from None

    def _check_dimensions(self) -> None:
        user_dim, item_dim = self.user_embeddings.shape[1], self.item_embeddings.shape[1]
        if user_dim != item_dim:
            raise RunError(
                f"{self.path / layout.USER_EMBEDDINGS_FILE} has {user_dim} columns, "
                f"but {layout.ITEM_EMBEDDINGS_FILE} has {item_dim}"
            )

    def _recommendations(self, items: NDArray[np.int32], scores: NDArray[np.float32]) -> list[Recommendation]:
        # str() of a float32 is its shortest form: 0.1 rather than 0.10000000149
        return [
            Recommendation(self.item_keys[item], self.item_names[item], float(str(score)), rank)
            for rank, (item, score) in enumerate(zip(items, scores, strict=True), start=1)
            if item >= 0
        ]
