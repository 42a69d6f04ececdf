"""The small values that the rest of hetmusic is written in: edge types, edge lists and modalities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class EdgeType(NamedTuple):
    """A typed relation ``(source node type, relation, destination node type)``, DGL's canonical edge type."""

    src: str
    relation: str
    dst: str

    def __str__(self) -> str:
        return f"{self.src}__{self.relation}__{self.dst}"

    @classmethod
    def parse(cls, text: str) -> EdgeType:
        """Read ``"src__relation__dst"``."""
        parts = text.split("__")
        if len(parts) != 3:
            raise ValueError(f"{text!r} is not of the form src__relation__dst")
        return cls(*parts)


@dataclass(frozen=True)
class Edges:
    """The edges of one relation as parallel arrays."""

    #: source node indices, int32, shape ``(num_edges,)``
    src: NDArray[np.int32]
    #: destination node indices, int32, shape ``(num_edges,)``
    dst: NDArray[np.int32]
    #: edge weights, float32, shape ``(num_edges,)``, e.g. play counts or numbers of taggers
    weight: NDArray[np.float32] | None = None
    #: seconds since 1970-01-01 UTC, int64, shape ``(num_edges,)``
    time: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.src)

    def select(self, which: NDArray[Any]) -> Edges:
        """Keep the edges that a boolean mask or index array names."""
        return Edges(
            self.src[which],
            self.dst[which],
            None if self.weight is None else self.weight[which],
            None if self.time is None else self.time[which],
        )

    def reversed(self) -> Edges:
        """The same edges with source and destination swapped (the inverse relation)."""
        return Edges(self.dst, self.src, self.weight, self.time)


@dataclass(frozen=True)
class Modality:
    """Feature vectors of one node type, of which any subset of nodes may be absent."""

    #: shape ``(num_nodes, dim)``, float16/32/64, possibly memory-mapped; rows of absent nodes are zero
    values: NDArray[Any]
    #: bool, shape ``(num_nodes,)``
    present: NDArray[np.bool_]
    #: model, version, settings: whatever made the values
    info: dict[str, Any] = field(default_factory=dict)
    #: of the stored values and mask; None if they are not from a graph folder
    checksum: str | None = None

    @property
    def dim(self) -> int:
        """Number of features of a vector."""
        return int(self.values.shape[1])

    @property
    def coverage(self) -> float:
        """Share of nodes that have the modality, in [0, 1]."""
        return float(self.present.mean()) if len(self.present) else 0.0
