"""A run's model, back from its weights: what recommending for newcomers and hiding modalities need torch for."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hetmusic import run_layout as layout
from hetmusic._device import choose_device
from hetmusic._toml import read_toml
from hetmusic.errors import ConfigError, RunError, did_you_mean
from hetmusic.graph import MusicGraph, Split, TrainingView
from hetmusic.graph.format import modality_files
from hetmusic.graph.types import EdgeType
from hetmusic.models import MMGNN, final_embeddings
from hetmusic.models.inputs import IdInput
from hetmusic.models.tower import Tower
from hetmusic.ranking import EmbeddingScorer
from hetmusic.relations import RelationBlock
from hetmusic.training.checkpoint import load_weights
from hetmusic.training.load_config import make_config
from hetmusic.training.plugins import require_plugins
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors, graph_schema


def check_features(graph: MusicGraph, info: layout.RunInfo) -> None:
    """Refuse a graph whose features are no longer those that the model read.

    :raises RunError: naming the file.
    """
    for path, digest in info.graph.features.items():
        if graph.meta.files.get(path) != digest:
            raise RunError(
                f"{graph.path / path} is not what the run was fitted on: the modality was replaced or removed; "
                "fit anew instead of resuming"
            )


def unread_modalities(graph: MusicGraph, info: layout.RunInfo) -> list[str]:
    """Modalities of the items that the run's model does not read, such as those added to the graph since."""
    names = graph.modalities(graph.item_type)
    return [name for name in names if modality_files(graph.item_type, name)[0] not in info.graph.features]


class RunModel:
    """The model of a finished run with its best weights, and the training graph that it runs over.

    :param folder: the run folder.
    :param info: its ``run.json``.
    :param graph: the graph that the run was fitted on.
    :param hide: modalities that are absent everywhere.
    :raises ConfigError: for a modality that the run does not use, or if nothing is left to score with.
    :raises RunError: if the weights are missing or damaged, or the graph's features have changed.
    """

    def __init__(
        self, folder: Path, info: layout.RunInfo, graph: MusicGraph, hide: Collection[str] = ()
    ) -> None:
        path = folder / layout.CONFIG_FILE
        self.config = make_config(read_toml(path), source=str(path))
        require_plugins(folder, info)
        check_features(graph, info)
        unread = unread_modalities(graph, info)
        _check_hidden(
            hide, [name for name in graph.modalities(graph.item_type) if name not in unread], folder
        )
        view = TrainingView(graph, Split.load(folder / layout.SPLIT_FOLDER, graph))
        schema = graph_schema(view, self.config.training.candidates, hide, unread)
        with torch.random.fork_rng(devices=[]):  # the caller's own generator is left as it was
            config = self.config
            self.model = MMGNN(schema, config.model, config.relations, config.towers)
        if set(self.model.item_towers) <= set(hide):
            raise ConfigError(f"{folder} has no towers but those of {', '.join(hide)}: nothing would be left")
        load_weights(folder / layout.BEST_WEIGHTS_FILE, self.model)
        self.model.eval()
        self.tensors = GraphTensors.from_view(view, self.model.edge_types)

    def scorer(self) -> EmbeddingScorer:
        """All users and items, encoded anew over the whole training graph."""
        device = choose_device("auto")
        blocks = self.tensors.full(self.config.model.num_layers).to(device)
        users, items = final_embeddings(self.model.to(device), blocks)
        self.model.to("cpu")
        return EmbeddingScorer(users.numpy(), items.numpy())

    def tower(self, modality: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Users and items as the tower of a modality has them, before the head weighs the towers.

        :return: shapes ``(num_users, dim)`` and ``(num_items, dim)``.
        :raises ConfigError: for a modality that has no tower.
        """
        known = [name for name in self.model.item_towers if name in self.model.schema.modalities]
        if modality not in known:
            raise ConfigError(
                f"the run has no tower of a modality {modality!r}{did_you_mean(modality, known)}; "
                f"it has {', '.join(known) or 'none'}"
            )
        with torch.no_grad():
            users, items = self.model.encode(self.tensors.full(self.config.model.num_layers))
        return users[modality].float().numpy(), items[modality].float().numpy()


class Newcomers:
    """Encodes users that the graph does not have, by what they like and who their friends are.

    A newcomer is one more user node with edges *towards* it alone: the model's own user side encodes it, and nobody else
    changes. Where users have learned embeddings, its own is zero. A model that cannot hear of friends (no friendships in
    use but for emotions, or a single layer) is told that someone without likes likes what the friends like.

    :param run_model: the run's model; it is changed, so that it has room for one more user.
    """

    def __init__(self, run_model: RunModel) -> None:
        #: the run's model, with room for one more user
        self.model = run_model.model
        self._tensors = run_model.tensors
        self._layers = run_model.config.model.num_layers
        schema = self.model.schema
        self._user, self._item = schema.user_type, schema.item_type
        self._index = schema.num_nodes[self._user]
        for tower in self.model.towers.values():
            assert isinstance(tower, Tower)
            tables = [tower.inputs, *([] if tower.outputs is None else [tower.outputs])]
            for table in (found[self._user] for found in tables if self._user in found):
                assert isinstance(table, IdInput)
                table.table = nn.Parameter(
                    torch.cat([table.table.detach(), table.table.new_zeros(1, table.dim)])
                )

    def vector(
        self, liked: NDArray[np.integer], friends: NDArray[np.integer], friends_like: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """The final embedding of a newcomer.

        :param liked: item indices.
        :param friends: user indices.
        :param friends_like: item indices that stand in for likes where the model cannot hear of friends.
        :return: shape ``(1, d)``; its inner products with the run's item embeddings are scores.
        """
        if not len(liked) and not self.hears_of_friends:
            liked = friends_like
        extended = self.graph_with(liked, friends)
        sampler = NeighborSampler(extended, [-1] * self._layers)  # all neighbours, so nothing is drawn
        rng = np.random.default_rng(0)
        with torch.no_grad():
            users = self.model.encode_users(sampler.sample({self._user: np.array([self._index])}, rng))
            items = self.model.encode_items(sampler.sample({self._item: np.array([0])}, rng))
            view = self.model.score_views(users, items, torch.tensor([0]))[0]
        return view.users.float().numpy()

    def graph_with(self, liked: NDArray[np.integer], friends: NDArray[np.integer]) -> GraphTensors:
        """The training graph with a newcomer, its last user.

        :param liked: item indices.
        :param friends: user indices.
        """
        neighbours = dict.fromkeys(self._friendships, friends)
        neighbours |= {t: liked for t in self._tensors.blocks if (t.src, t.dst) == (self._item, self._user)}
        return self._with_newcomer(neighbours)

    @property
    def _friendships(self) -> list[EdgeType]:
        return [t for t in self._tensors.blocks if t.src == t.dst == self._user]

    @property
    def hears_of_friends(self) -> bool:
        """Whether some tower that scores for itself, or for the user, reads what friends are or play."""
        friendships = self._friendships
        for tower in self.model.towers.values():
            assert isinstance(tower, Tower)
            reads = any(t in friendships for part in tower.layers for t in part.edge_types)  # type: ignore[union-attr]
            # without embeddings of their own, users have nothing to tell each other before the second layer
            if reads and (self._user in tower.inputs or self._layers > 1):
                return True
        return False

    def _with_newcomer(self, neighbours: dict[EdgeType, NDArray[np.integer]]) -> GraphTensors:
        extended = copy.copy(self._tensors)
        extended.num_nodes = {**self._tensors.num_nodes, self._user: self._index + 1}
        extended.interaction_ids = {}  # no interaction is left out of anything here
        none = np.empty(0, np.int64)
        extended.blocks = {
            t: self._extended(block, neighbours.get(t, none)) if self._user in (t.src, t.dst) else block
            for t, block in self._tensors.blocks.items()
        }
        return extended

    def _extended(self, block: RelationBlock, sources: NDArray[np.integer]) -> RelationBlock:
        """A block with room for the newcomer, and edges from some sources to it if users are its destinations."""
        edge_type, new = block.edge_type, torch.from_numpy(sources.astype(np.int64))
        to_users, from_users = edge_type.dst == self._user, edge_type.src == self._user
        assert block.src_degree is not None and block.dst_degree is not None  # noqa: PT018
        edge = {name: torch.cat([v, typical(name, v, len(new))]) for name, v in block.edge.items()}
        return RelationBlock.from_coo(
            edge_type,
            torch.cat([block.src_index, new]),
            torch.cat([block.dst_index, torch.full((len(new),), self._index)]),
            block.num_src + from_users,
            block.num_dst + to_users,
            edge,
            src_degree=_append(block.src_degree, 0) if from_users else block.src_degree,
            dst_degree=_append(block.dst_degree, len(new)) if to_users else block.dst_degree,
        )


def typical(name: str, values: Tensor, count: int) -> Tensor:
    """Attributes of new edges: times and ages of the newest edge, of anything else the median."""
    if not len(values) or name == "time_known":
        return values.new_ones(count)
    newest = {"time": torch.max, "age": torch.min}
    return newest.get(name, torch.median)(values).expand(count)


def _append(degrees: Tensor, value: float) -> Tensor:
    return torch.cat([degrees, degrees.new_tensor([value])])


def _check_hidden(hide: Collection[str], used: Sequence[str], folder: Path) -> None:
    for name in hide:
        if name not in used:
            raise ConfigError(
                f"{folder} does not use a modality {name!r}{did_you_mean(name, used)}; "
                f"it uses {', '.join(used) or 'none'}"
            )
