"""Copies to a GPU without one: what is page-locked, on which stream, and who waits for whom."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hetmusic.graph import MusicGraph
from hetmusic.relations.kernels import Csr
from hetmusic.training.batches import Batch
from hetmusic.training.prefetch import Prefetched
from hetmusic.training.transfer import Transfer
from tests.training.trainers import SAMPLED, audible_graph, trainer_of


class FakeCuda:
    """Streams that write down what happens, and tensors that pretend to be copied."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        self.copies: list[tuple[bool, bool, str]] = []
        self.recorded: set[int] = set()
        self._pinned: set[int] = set()
        self._streams = ["compute"]
        fake = self
        real_to = Tensor.to

        class Stream:
            def __init__(self, device: torch.device | str, name: str = "copies") -> None:
                self.name = name

            def record_event(self) -> str:
                fake.events.append(f"event on {self.name}")
                return "event"

            def wait_event(self, event: object) -> None:
                fake.events.append(f"{self.name} waits")

        @contextlib.contextmanager
        def stream(chosen: Stream) -> Iterator[None]:
            fake._streams.append(chosen.name)
            yield
            fake._streams.pop()

        def pin(tensor: Tensor) -> Tensor:
            made = tensor.clone()
            fake._pinned.add(id(made))
            return made

        def to(tensor: Tensor, *where: Any, **how: Any) -> Tensor:
            if not where or not isinstance(where[0], torch.device) or where[0].type != "cuda":
                return real_to(tensor, *where, **how)
            # nothing can be page-locked of a tensor without numbers, nor need it be
            pinned = id(tensor) in fake._pinned or not tensor.numel()
            asynchronous = how.get("non_blocking", not tensor.numel())
            fake.copies.append((pinned, asynchronous, fake._streams[-1]))
            return real_to(tensor, "meta")

        patch.setattr(torch.cuda, "Stream", Stream)
        patch.setattr(torch.cuda, "stream", stream)
        patch.setattr(torch.cuda, "current_stream", lambda device: Stream(device, "compute"))
        patch.setattr(Tensor, "pin_memory", pin)
        patch.setattr(Tensor, "to", to)
        patch.setattr(Tensor, "record_stream", lambda tensor, stream: fake.recorded.add(id(tensor)))


def tensors(value: object) -> list[Tensor]:
    """All tensors of a batch, those of shared blocks once."""
    found: dict[int, Tensor] = {}

    def visit(part: object) -> None:
        if isinstance(part, Tensor):
            found[id(part)] = part
        elif isinstance(part, Mapping):
            for inner in part.values():
                visit(inner)
        elif isinstance(part, Csr):
            visit((part.indptr, part.indices, part.transposed))
        elif isinstance(part, list | tuple):
            for inner in part:
                visit(inner)
        elif hasattr(part, "__dict__"):
            visit(vars(part))

    visit(value)
    return list(found.values())


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    return audible_graph(tmp_path_factory.mktemp("graph") / "g")


@pytest.fixture(
    params=[SAMPLED, ("training.loss=bpr", "training.negatives=2", "training.propagation=sampled")]
)
def batches(request: pytest.FixtureRequest, graph: MusicGraph, tmp_path: Path) -> list[Batch]:
    trainer = trainer_of(graph, tmp_path, *request.param)
    return list(trainer.batches.epoch(np.random.default_rng(0)))


def test_all_of_a_batch_is_copied_from_pinned_memory_beside_the_computation(
    batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, expected = batches[0], len(tensors(batches[0]))
    fake = FakeCuda(monkeypatch)
    transfer = Transfer(torch.device("cuda"))
    (sent,) = transfer.send(iter([batch]))
    assert fake.copies == [(True, True, "copies")] * len(fake.copies)
    assert len(fake.copies) == expected
    assert fake.events == ["event on copies"]
    received = transfer.receive(sent)
    assert fake.events == ["event on copies", "compute waits"]
    assert {t.device.type for t in tensors(received)} == {"meta"}
    # memory of one stream that another one reads is not given to the next copy
    assert {id(t) for t in tensors(received)} == fake.recorded


def test_the_copies_are_made_in_the_thread_that_makes_the_batches(
    batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeCuda(monkeypatch)
    transfer = Transfer(torch.device("cuda"))
    with Prefetched(transfer.send(iter(batches)), 2) as ready:
        received = [transfer.receive(sent) for sent in ready]
    assert len(received) == len(batches)
    assert all(t.device.type == "meta" for batch in received for t in tensors(batch))


def test_shared_blocks_stay_shared(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(graph, tmp_path, *SAMPLED, "model.separate_output=false")
    batch = next(trainer.batches.epoch(np.random.default_rng(0)))
    assert batch.item_blocks is batch.user_blocks
    FakeCuda(monkeypatch)
    transfer = Transfer(torch.device("cuda"))
    received = transfer.receive(next(transfer.send(iter([batch]))))
    assert received.item_blocks is received.user_blocks


def test_on_a_cpu_nothing_happens(batches: list[Batch]) -> None:
    transfer = Transfer(torch.device("cpu"))
    sent = list(transfer.send(iter(batches)))
    assert [transfer.receive(part) for part in sent] == batches
    assert all(transfer.receive(part) is batch for part, batch in zip(sent, batches, strict=True))
