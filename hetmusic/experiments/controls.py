"""Control experiments: the same graph with one kind of knowledge given to the wrong nodes.

A control keeps everything that is structure (numbers of edges, degrees, weights, who is friends with whom up to names,
the set of feature vectors) and destroys what the structure says about these users and items. A component that is as
good with the control as with the real graph has not used the knowledge, only the structure. ``half-features`` is the
exception: it takes knowledge away, to see what missing modalities cost.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.graph import MusicGraph
from hetmusic.graph.types import Edges, EdgeType, Modality

FRIENDS, KNOWLEDGE, TIMES, HALF = "shuffled-friends", "shuffled-kg", "shuffled-times", "half-features"
_PREFIX = "shuffled-"


def friendships(graph: MusicGraph) -> list[EdgeType]:
    """The relations among users."""
    return [t for t in graph.edge_types if t.src == t.dst == graph.user_type]


def knowledge_relations(graph: MusicGraph) -> list[EdgeType]:
    """The relations that no user is part of."""
    return [t for t in graph.edge_types if graph.user_type not in (t.src, t.dst)]


def control_names(graph: MusicGraph) -> list[str]:
    """The controls that exist, whether or not this graph has something to shuffle."""
    return [FRIENDS, KNOWLEDGE, TIMES, HALF, *(_PREFIX + name for name in graph.modalities(graph.item_type))]


def missing_for(graph: MusicGraph, control: str) -> str | None:
    """What a graph lacks for a control to be one; None if it lacks nothing."""
    if control == FRIENDS and not friendships(graph):
        return "no relation among users"
    if control == KNOWLEDGE and not any(
        graph.item_type in (t.src, t.dst) for t in knowledge_relations(graph)
    ):
        return f"no knowledge about {graph.item_type}s"
    if control == TIMES and (graph.interaction is None or graph.interactions.time is None):
        return "no times of interactions"
    if control == HALF and not graph.modalities(graph.item_type):
        return f"no modality of {graph.item_type}s"
    return None


class ControlledGraph(MusicGraph):
    """A graph whose training views and modalities are shuffled; what is on disk stays as it is.

    :param graph: the real graph.
    :param controls: ``shuffled-friends``: users change places in the relations among users. ``shuffled-kg``: items change
        places in every relation with nodes that are no users (after what would leak was removed from it).
        ``shuffled-times``: the times of each user's training interactions change places. ``shuffled-MODALITY``: items
        that have the modality exchange their vectors. ``half-features``: of every modality, independently, half of
        the items that have it lose it.
    :param seed: of the permutations.
    :raises ConfigError: for a control that does not exist, or has nothing to shuffle in this graph.
    """

    def __init__(self, graph: MusicGraph, controls: Sequence[str], seed: int = 0) -> None:
        super().__init__(graph.path, graph.meta)
        self._original = graph
        self.controls = tuple(controls)
        self.seed = seed
        known = control_names(graph)
        for name in controls:
            if name not in known:
                raise ConfigError(
                    f"there is no control {name!r}{did_you_mean(name, known)}; for this graph: {', '.join(known)}"
                )
            if lacking := missing_for(graph, name):
                raise ConfigError(f"graph {graph.name} has {lacking}, so {name} is no control")

    @property
    def original(self) -> MusicGraph:
        """The real graph."""
        return self._original

    def shown(self, edge_type: EdgeType, edges: Edges) -> Edges:
        """The relation with its users or items changed round."""
        if FRIENDS in self.controls and edge_type in friendships(self):
            return _relabelled(edges, *[self._permutation(str(edge_type), self.user_type)] * 2)
        if KNOWLEDGE in self.controls and edge_type in knowledge_relations(self):
            permutation = self._permutation(str(edge_type), self.item_type)
            ends = [permutation if end == self.item_type else None for end in (edge_type.src, edge_type.dst)]
            return _relabelled(edges, *ends)
        if TIMES in self.controls and edge_type == self.interaction:
            return _retimed(edges, self._rng("times"))
        return edges

    def modality(self, node_type: str, name: str) -> Modality:
        """The modality; if that is the control, its vectors dealt anew among the items that have one, or half gone."""
        found = super().modality(node_type, name)
        if node_type != self.item_type:
            return found
        values, present = found.values, found.present
        rows = np.flatnonzero(present)
        if _PREFIX + name in self.controls:
            values = np.array(values)
            values[rows] = values[self._rng(f"features {name}").permutation(rows)]
        if HALF in self.controls:
            present = np.array(present)
            present[self._rng(f"lost {name}").permutation(rows)[: len(rows) // 2]] = False
        return Modality(values, present, found.info)

    def _permutation(self, what: str, node_type: str) -> NDArray[np.int32]:
        return self._rng(what).permutation(self.num_nodes(node_type)).astype(np.int32)

    def _rng(self, what: str) -> np.random.Generator:
        """A generator for each relation and modality, whichever others are shuffled as well."""
        return np.random.default_rng([self.seed, zlib.crc32(what.encode())])


def _relabelled(edges: Edges, src: NDArray[np.int32] | None, dst: NDArray[np.int32] | None) -> Edges:
    """Edges with their ends renamed, sorted by (src, dst) again."""
    new = Edges(
        edges.src if src is None else src[edges.src],
        edges.dst if dst is None else dst[edges.dst],
        edges.weight,
        edges.time,
    )
    return new.select(np.lexsort((new.dst, new.src)))


def _retimed(edges: Edges, rng: np.random.Generator) -> Edges:
    """Edges of which those of one source exchange their times."""
    assert edges.time is not None
    time = np.empty_like(edges.time)
    time[np.argsort(edges.src, kind="stable")] = edges.time[np.lexsort((rng.random(len(edges)), edges.src))]
    return Edges(edges.src, edges.dst, edges.weight, time)
