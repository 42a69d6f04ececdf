"""Copies beside the computation: complete before they are read, and not given away while they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hetmusic.graph import MusicGraph
from hetmusic.training.prefetch import Prefetched
from hetmusic.training.transfer import Transfer
from tests.training.test_transfer import tensors
from tests.training.trainers import SAMPLED, trainer_of


def test_batches_arrive_as_they_were_made(graph: MusicGraph, folder: Path, device: torch.device) -> None:
    trainer = trainer_of(graph, folder, *SAMPLED, "training.batch_size=2")
    expected = [
        [tensor.clone() for tensor in tensors(batch)]
        for batch in trainer.batches.epoch(np.random.default_rng(0))
    ]
    transfer, found = Transfer(device), []
    again = trainer.batches.epoch(np.random.default_rng(0))
    with Prefetched(transfer.send(again), 3) as ready:
        for sent in ready:
            received = tensors(transfer.receive(sent))
            assert {tensor.device.type for tensor in received} == {device.type}
            if device.type == "cuda":
                torch.cuda._sleep(
                    2_000_000
                )  # the computation lags behind, the copies of later batches do not
            # read on the computing stream; the batch itself is gone before that has happened
            found.append([tensor.clone() for tensor in received])
    assert len(found) == len(expected) > 5
    for here, there in zip(expected, found, strict=True):
        assert len(here) == len(there)
        assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))


def test_copies_come_from_page_locked_memory(graph: MusicGraph, folder: Path, gpu: torch.device) -> None:
    pinned = torch.arange(10).pin_memory()
    assert pinned.is_pinned()
    transfer = Transfer(gpu)
    copied = transfer._copy(torch.arange(10))
    torch.cuda.synchronize(gpu)
    assert torch.equal(copied.cpu(), torch.arange(10))
    assert transfer._copy(torch.empty(0)).device.type == "cuda"


def test_features_are_on_the_gpu_once_or_not_at_all(
    graph: MusicGraph, folder: Path, gpu: torch.device
) -> None:
    device = f'training.device="{gpu}"'
    there = trainer_of(graph, folder, *SAMPLED, device)
    apart = trainer_of(graph, folder, *SAMPLED, device, "training.features_on=cpu")
    values = [{part.features.data_ptr() for part in tables} for tables in there.features._tables.values()]
    assert all(len(found) == 1 for found in values)
    assert {t.features.device.type for tables in there.features._tables.values() for t in tables} == {"cuda"}
    assert {t.features.device.type for tables in apart.features._tables.values() for t in tables} == {"cpu"}
