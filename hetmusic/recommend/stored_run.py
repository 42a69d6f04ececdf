"""A finished run folder, opened for reading; needs neither torch nor DGL."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic._io import read_json
from hetmusic.errors import RunError
from hetmusic.ranking import EmbeddingScorer
from hetmusic.recommend import reading
from hetmusic.recommend.keys import indices_of
from hetmusic.recommend.stored_split import read_split

if TYPE_CHECKING:
    from typing_extensions import Self

    from hetmusic.graph import MusicGraph, Split


class StoredRun:
    """What a finished run holds. Files are read when first needed; a damaged one is refused with a :class:`RunError`."""

    def __init__(self, path: Path, info: layout.RunInfo) -> None:
        """Use :meth:`open`."""
        self.path = path
        #: content of ``run.json``
        self.info = info

    def __repr__(self) -> str:
        counts = f"{self.info.num_users:,} users, {self.info.num_items:,} {self.info.item_type}s"
        return f"Run({str(self.path)!r}: {counts})"

    @classmethod
    def open(cls, path: Path | str) -> Self:
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

    def tower(self, modality: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Users and items as the tower of a modality has them, encoded anew; needs torch and the graph.

        :return: shapes ``(num_users, dim)`` and ``(num_items, dim)``.
        :raises ConfigError: for a modality that has no tower.
        """
        from hetmusic.recommend.reencode import RunModel

        return RunModel(self.path, self.info, self.graph).tower(modality)

    def user_indices(self, keys: Iterable[str | int]) -> NDArray[np.int64]:
        """Indices of users by key.

        :raises UnknownKeyError: naming the first key that is unknown, and how many are.
        """
        return indices_of(keys, self.user_index, "user", self.path)

    def item_indices(self, keys: Iterable[str | int]) -> NDArray[np.int64]:
        """Indices of items by key.

        :raises UnknownKeyError: naming the first key that is unknown, and how many are.
        """
        return indices_of(keys, self.item_index, self.info.item_type, self.path)

    @cached_property
    def user_index(self) -> dict[str, int]:
        """Key of every user -> its index."""
        return {key: index for index, key in enumerate(self.user_keys)}

    @cached_property
    def item_index(self) -> dict[str, int]:
        """Key of every item -> its index."""
        return {key: index for index, key in enumerate(self.item_keys)}

    @cached_property
    def item_emotions(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Valence and arousal of the items, shape ``(num_items, 2)``, and which items have them.

        :raises RunError: if the graph knew none when the run was fitted.
        """
        values = self.path / layout.ITEM_EMOTIONS_FILE
        if not values.exists():
            raise RunError(
                f"{self.path} knows no emotions: its graph had neither valence and arousal of {self.info.item_type}s "
                "nor emotion words for them"
            )
        return reading.read_emotions(
            values, self.path / layout.ITEM_EMOTIONS_PRESENT_FILE, self.info.num_items
        )

    @cached_property
    def _user_ids(self) -> tuple[list[str], list[str]]:
        return reading.read_ids(self.path / layout.USER_IDS_FILE, self.info.num_users)

    @cached_property
    def _item_ids(self) -> tuple[list[str], list[str]]:
        return reading.read_ids(self.path / layout.ITEM_IDS_FILE, self.info.num_items)

    def _check_dimensions(self) -> None:
        user_dim, item_dim = self.user_embeddings.shape[1], self.item_embeddings.shape[1]
        if user_dim != item_dim:
            raise RunError(
                f"{self.path / layout.USER_EMBEDDINGS_FILE} has {user_dim} columns, "
                f"but {layout.ITEM_EMBEDDINGS_FILE} has {item_dim}"
            )
