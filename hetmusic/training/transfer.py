"""Batches on their way to a GPU while it computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hetmusic.training.batches import Batch


@dataclass(frozen=True)
class Sent:
    """A batch, and the event after which its copies are there (None: it is where it should be)."""

    batch: Batch
    event: Any = None


class Transfer:
    """Copies batches to a GPU beside its computations: from page-locked memory, in a stream of their own.

    :meth:`send` is meant for the thread that makes the batches, :meth:`receive` for the one that uses them; neither waits
    for the GPU. On any other device both do nothing.

    :param device: the model's.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None

    def send(self, batches: Iterator[Batch]) -> Iterator[Sent]:
        """Start the copies of each batch as it is made."""
        for batch in batches:
            yield self._send(batch)

    def receive(self, sent: Sent) -> Batch:
        """The batch; whatever is computed from now on waits for its copies."""
        if sent.event is None:
            return sent.batch
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(sent.event)

        def in_use(tensor: Tensor) -> Tensor:
            # the memory belongs to the other stream, which must not have it back while this one reads it
            tensor.record_stream(stream)
            return tensor

        return sent.batch.map(in_use)

    def _send(self, batch: Batch) -> Sent:
        if self._stream is None:
            return Sent(batch)
        # a thread starts on the first GPU; the stream brings its own along
        with torch.cuda.stream(self._stream):
            copied = batch.map(self._copy)
            return Sent(copied, self._stream.record_event())

    def _copy(self, tensor: Tensor) -> Tensor:
        if tensor.device.type != "cpu":
            return tensor
        if not tensor.numel():  # there is no such page-locked memory
            return tensor.to(self.device)
        # torch keeps freed page-locked memory until the copy from it is done, and for the next batch
        return tensor.pin_memory().to(self.device, non_blocking=True)
