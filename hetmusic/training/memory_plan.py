"""How much memory training will take, known before it starts."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hetmusic.models.inputs import FeatureInput
from hetmusic.models.layerwise import embed
from hetmusic.ranking.topk import tile_bytes
from hetmusic.training.batches import Batch
from hetmusic.training.trainer import Trainer
from hetmusic.training.validation import validation_users

#: places of the lists that a finished run is judged by
_LONGEST_LIST = 50
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes by what they are for; file-backed pages, which the system takes back when it needs them, do not count."""

    #: interpreter, libraries and whatever else the process holds already
    process: int
    parameters: int
    features: int
    #: nodes, edges, split, and what was needed to read them
    graph: int
    #: Adam's moments
    optimizer: int
    #: running average of the weights and, while it is validated, the weights themselves
    average: int
    #: activations and gradients of a step; with sampled neighbourhoods, the batches made ahead as well
    step: int
    #: embeddings of all nodes and tiles of scores, when no step is in memory
    validation: int

    @property
    def peak(self) -> int:
        """The most that is in memory at one time."""
        fixed = self.process + self.parameters + self.features + self.graph + self.optimizer + self.average
        return fixed + max(self.step, self.validation)


def resident_bytes() -> int:
    """Memory of this process that no file backs."""
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024


def plan_memory(trainer: Trainer, before: int) -> MemoryPlan:
    """What training will take, from what its preparation has taken and from one step that is run without any data.

    The model is on the meta device afterwards and cannot be used.

    :param trainer: ready to train, but without a step made.
    :param before: :func:`resident_bytes` before the graph was read.
    """
    model, config = trainer.model, trainer.config
    batch = next(trainer.batches.epoch(np.random.default_rng(0)))
    prepared = resident_bytes()
    parameters = sum(_bytes(p) for p in model.parameters())
    features = _feature_bytes(model)
    judged = len(validation_users(trainer.split, config))
    ahead = config.training.prefetch + 1 if trainer.propagation_mode == "sampled" else 1
    one_batch = _batch_bytes(batch)
    full = trainer.full_blocks()
    model.to("meta")
    trainer.device = torch.device("meta")

    def step() -> None:
        trainer.loss_of(batch).backward()

    model.train()
    during_step = peak_bytes(step) + (ahead - 1) * one_batch
    model.zero_grad(set_to_none=True)
    on_meta = full.to(torch.device("meta"))
    embeddings = peak_bytes(lambda: _encode(trainer, on_meta))
    return MemoryPlan(
        process=before,
        parameters=parameters,
        features=features,
        graph=max(prepared - before - parameters - features, 0),
        optimizer=2 * parameters,
        average=2 * parameters if config.training.averaging else 0,
        step=during_step,
        validation=embeddings
        + tile_bytes(judged, model.schema.num_nodes[model.schema.item_type], _LONGEST_LIST),
    )


def _encode(trainer: Trainer, blocks: Any) -> None:
    trainer.model.eval()
    embed(trainer.model, blocks, trainer.folder)


def peak_bytes(run: Callable[[], object]) -> int:
    """The most bytes of tensors, made while something runs, that were alive at one time."""
    with _Alive() as alive:
        run()
    found: int = alive.peak
    return found


class _Alive(TorchDispatchMode):
    """Counts the storages that operations make, until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        before = {_key(leaf) for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)}
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor) and leaf.layout is torch.strided and _key(leaf) not in before:
                self._note(leaf.untyped_storage())
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata) if tensor.layout is torch.strided else -1


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _feature_bytes(model: nn.Module) -> int:
    """Bytes of features, those that several tables share counted once."""
    parts = [part for part in model.modules() if isinstance(part, FeatureInput)]
    sizes: dict[int, int] = {part.features.data_ptr(): _bytes(part.features) for part in parts}
    return sum(sizes.values())


def _batch_bytes(batch: Batch) -> int:
    """Bytes of the tensors of a batch, each once."""
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        found[tensor.data_ptr()] = _bytes(tensor)
        return tensor

    batch.map(note)
    return sum(found.values())
