"""Where a model's features are while it trains on a GPU: there once, or in main memory, gathered for every batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch

from hetmusic.models import MMGNN, LayeredBlocks
from hetmusic.models.inputs import FeatureInput
from hetmusic.training.batches import Batch

logger = logging.getLogger(__name__)

Storage = Literal["auto", "device", "cpu"]

#: ``auto`` leaves the other half of a GPU's free memory to tables, moments and steps
_MOST = 0.5


class FeatureStorage:
    """Moves a model to its device, with its features or without them.

    Tables that read the same features share one copy of them, also on the device.

    :param model: on the CPU; it is moved.
    :param device: where to.
    :param wanted: ``device``, ``cpu`` (they stay in main memory, and :meth:`gathered` brings what a batch reads), or
        ``auto``: on a GPU if they take at most half of its free memory.
    """

    def __init__(self, model: MMGNN, device: torch.device, wanted: Storage = "auto") -> None:
        self._item_type = model.schema.item_type
        self._tables: dict[int, list[FeatureInput]] = {}
        for part in model.modules():
            if isinstance(part, FeatureInput):
                self._tables.setdefault(part.features.data_ptr(), []).append(part)
        #: a table of each of the features that stay in main memory, by the name that all their tables know
        self.apart: dict[str, FeatureInput] = {}
        if self._stay(device, wanted):
            self._keep_apart()
        model.to(device)
        for tables in self._tables.values():
            for table in tables[1:]:
                table.features = tables[0].features

    @property
    def num_bytes(self) -> int:
        """Size of all features, each counted once."""
        values = [tables[0].features for tables in self._tables.values()]
        return sum(value.numel() * value.element_size() for value in values)

    def gathered(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, with the features that they read from main memory."""
        return map(self._gather, batches) if self.apart else batches

    def _stay(self, device: torch.device, wanted: Storage) -> bool:
        if device.type == "cpu" or wanted != "auto":
            return device.type != "cpu" and wanted == "cpu"
        if device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(device)
        stay = self.num_bytes > _MOST * free
        if stay:
            logger.info(
                "features stay in main memory: they take %d MB, and %d MB of the GPU are free",
                self.num_bytes // 10**6,
                free // 10**6,
            )
        return stay

    def _keep_apart(self) -> None:
        for number, tables in enumerate(self._tables.values()):
            name = f"features {number}"
            self.apart[name] = tables[0]
            for table in tables:
                table.keep_apart(name)

    def _gather(self, batch: Batch) -> Batch:
        user_blocks = self._with_features(batch.user_blocks)
        shared = batch.item_blocks is batch.user_blocks
        return replace(
            batch,
            user_blocks=user_blocks,
            item_blocks=user_blocks if shared else self._with_features(batch.item_blocks),
        )

    def _with_features(self, blocks: LayeredBlocks) -> LayeredBlocks:
        nodes = blocks.input_nodes.get(self._item_type)
        if nodes is None:  # of all items: they are brought piece by piece
            return blocks
        rows = {name: table.features.index_select(0, nodes) for name, table in self.apart.items()}
        return replace(blocks, features=rows)
