"""What an encoder costs beside the built-in mean."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from hetmusic.relations import RelationEncoder
from hetmusic.testing.encoder_case import EncoderCase, Sample

#: the block that costs are measured on: as large as a step over a sampled neighbourhood
NUM_SRC, NUM_DST, NUM_EDGES, DIM = 4_000, 2_000, 30_000, 64


@dataclass(frozen=True)
class Cost:
    """Forward and backward pass over a block of 30,000 edges and 64 dimensions, on the CPU."""

    #: median milliseconds of a pass
    milliseconds: float
    #: MB kept from the forward for the backward pass, what is shared counted once
    megabytes: float
    #: the same of the built-in mean, measured in turn
    mean_milliseconds: float
    mean_megabytes: float

    def __str__(self) -> str:
        time_ratio = self.milliseconds / self.mean_milliseconds
        memory = f"{self.megabytes:.1f} MB kept for the backward pass (mean: {self.mean_megabytes:.1f} MB)"
        return (
            f"{self.milliseconds:.1f} ms forward and backward, {time_ratio:.1f} x the built-in mean; {memory}"
        )


def measure_cost(case: EncoderCase, rounds: int = 15) -> Cost:
    """Time an encoder and the built-in mean in turn, and count what they keep for the backward pass.

    :param rounds: of which the median is taken.
    """
    own = EncoderCase(case.spec, case.arguments, DIM)
    cases = [own, EncoderCase("mean", {}, own.dim)]
    sample = cases[0].sample(NUM_SRC, NUM_DST, NUM_EDGES).leaves()
    encoders = [one.make() for one in cases]
    kept = [_kept(encoder, sample) for encoder in encoders]
    times: list[list[float]] = [[], []]
    for turn in range(rounds + 2):
        for encoder, series in zip(encoders, times, strict=True):
            started = time.perf_counter()
            sample.run(encoder).sum().backward()
            if turn > 1:  # the first two warm up
                series.append(time.perf_counter() - started)
            sample.src.h.grad = sample.dst.h.grad = None
    one, mean = (1000 * statistics.median(series) for series in times)
    return Cost(one, kept[0] / 1e6, mean, kept[1] / 1e6)


def _kept(encoder: RelationEncoder, sample: Sample) -> int:
    """Bytes that the backward pass holds on to, beside the inputs and the parameters."""
    before = {part.untyped_storage().data_ptr() for part in (sample.src.h, sample.dst.h)}
    before |= {parameter.untyped_storage().data_ptr() for parameter in encoder.parameters()}
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.layout == torch.strided and tensor.untyped_storage().data_ptr() not in before:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        out = sample.run(encoder)  # keeps the graph, and with it the storages, alive while they are counted
    total = sum(sizes.values())
    del out
    return total
