"""Items' vectors for ranking on a device: there, or brought tile by tile where they do not fit."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.ranking.scorer import EmbeddingScorer

#: rows that are copied at a time
_PIECE = 65_536


class ItemVectors:
    """Vectors and biases of all items in single precision, of some in double precision.

    :param scorer: has them, in any float type, possibly memory-mapped.
    :param device: where they are wanted.
    """

    def __init__(self, scorer: EmbeddingScorer, device: torch.device) -> None:
        self._values = scorer.item_embeddings
        self.device = device
        self._resident: Tensor | None = self._copied()
        #: length of the longest vector
        self.longest = max(
            (
                float(np.linalg.norm(piece.astype(np.float64), axis=1).max())
                for piece in self._pieces()
                if len(piece)
            ),
            default=0.0,
        )
        bias = scorer.item_bias
        #: double precision, ``(num_items,)``; None if there are none
        self.bias = None if bias is None else torch.from_numpy(bias.astype(np.float64)).to(device)
        self.largest_bias = 0.0 if bias is None or not len(bias) else float(np.abs(bias).max())

    def tile(self, start: int, stop: int) -> Tensor:
        """Consecutive items in single precision, ``(stop - start, dim)``."""
        if self._resident is not None:
            return self._resident[start:stop]
        return torch.from_numpy(np.array(self._values[start:stop], dtype=np.float32)).to(self.device)

    def exact(self, start: int, stop: int) -> Tensor:
        """The same in double precision."""
        if self._resident is not None and self._fits_single:
            return self._resident[start:stop].double()
        return torch.from_numpy(np.array(self._values[start:stop], dtype=np.float64)).to(self.device)

    def rows(self, index: Tensor) -> Tensor:
        """Items by index in double precision, ``(*index.shape, dim)``; new memory."""
        if self._resident is not None and self._fits_single:
            return self._resident[index].double()
        return torch.from_numpy(np.array(self._values[index.cpu().numpy()], dtype=np.float64)).to(self.device)

    @property
    def _fits_single(self) -> bool:
        return self._values.dtype.itemsize <= 4

    def _pieces(self) -> list[NDArray[np.floating]]:
        return [self._values[start : start + _PIECE] for start in range(0, len(self._values), _PIECE)]

    def _copied(self) -> Tensor | None:
        """All vectors on the device; None if it has no room for them."""
        try:
            made = torch.empty(self._values.shape, dtype=torch.float32, device=self.device)
        except torch.OutOfMemoryError:
            return None
        start = 0
        for piece in self._pieces():
            made[start : start + len(piece)] = torch.from_numpy(np.array(piece, dtype=np.float32))
            start += len(piece)
        return made
