"""Attributes of some edges of a relation, taken out of those of all edges when they are first read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor


class PickedEdges(Mapping[str, Tensor]):
    """The attributes of sampled edges; most encoders read few of them or none.

    :param whole: of all edges of the relation, each of shape ``(num_edges, ...)``.
    :param picked: which edges, int64 ``(n,)``.
    """

    def __init__(self, whole: Mapping[str, Tensor], picked: Tensor) -> None:
        self._whole = whole
        self._picked = picked
        #: the attributes that have been read so far
        self.read: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.read:
            self.read[name] = self._whole[name].index_select(0, self._picked)
        return self.read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)
