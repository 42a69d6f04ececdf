"""Checks that an encoder runs in mixed precision and on any device, most of them without having one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest import SkipTest

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.relations import NodeInputs
from hetmusic.testing.contract import require
from hetmusic.testing.devices import OneDevice, fake_cuda, move_to_fake_cuda
from hetmusic.testing.encoder_case import EncoderCase, Sample
from hetmusic.testing.encoder_contract import encoder_contract

_NEW_TENSORS = (
    "make new tensors with src.h.new_zeros(...) or device=src.h.device, and keep constants in register_buffer"
)


@encoder_contract.check(
    rule="under torch.autocast(bfloat16) forward and backward run, and results are those of float32 up to rounding",
    fix="use relation.sum and relation.softmax, and bring both sides of index_add or of an assignment to one dtype",
)
def mixed_precision(case: EncoderCase) -> None:
    """Automatic mixed precision on the CPU."""
    encoder, sample = case.make().eval(), case.sample().leaves()
    expected = sample.run(encoder).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = sample.run(encoder)
    if out.requires_grad:
        out.float().square().sum().backward()
    found = out.detach().float()
    require(torch.isfinite(found).all(), "the result holds NaN or infinity under autocast")
    error = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))
    require(error < 0.1, f"under autocast the result is off by {100 * error:.0f} % of its largest value")


@encoder_contract.check(
    rule="a whole training step runs on another device (torch's meta device: shapes without values)",
    fix=_NEW_TENSORS,
)
def training_step_on_another_device(case: EncoderCase) -> None:
    """Forward, backward and a step of Adam on meta."""
    encoder = case.make().to("meta")
    sample = _moved(case.sample(), lambda t: t.to("meta")).leaves()
    with OneDevice():
        out = sample.run(encoder)
    require(out.device.type == "meta", f"given tensors on meta, the result is on {out.device}")
    optimiser = torch.optim.Adam([sample.src.h, *encoder.parameters()])
    with OneDevice():
        out.square().sum().backward()
        optimiser.step()
    require(sample.src.h.grad is not None, "no gradient reaches the sources (src.h)")


@encoder_contract.check(
    rule="forward runs on CUDA tensors and mixes them with nothing on the CPU",
    fix=_NEW_TENSORS,
)
def forward_on_fake_cuda(case: EncoderCase) -> None:
    """Tensors that only claim to be on a GPU, so that a mix of devices is noticed without one."""
    if torch.version.cuda is None:
        raise SkipTest("needs a torch that was built for CUDA (no GPU)")
    mode = FakeTensorMode(allow_non_fake_inputs=False)
    sample = _moved(case.sample(), lambda t: fake_cuda(t, mode))
    encoder = case.make()
    move_to_fake_cuda(encoder, mode)
    with mode:
        out = sample.run(encoder)
    require(out.device.type == "cuda", f"given CUDA tensors, the result is on {out.device}")


@encoder_contract.check(
    rule="a GPU gives the results and gradients of the CPU up to rounding",
    fix=_NEW_TENSORS,
)
def results_on_a_gpu(case: EncoderCase) -> None:
    """Forward and backward, where there is a GPU."""
    if not torch.cuda.is_available():
        raise SkipTest("needs a GPU")
    device = torch.device("cuda")
    here, there = case.sample().leaves(), _moved(case.sample(), lambda t: t.to(device)).leaves()
    outs = [sample.run(case.make().eval().to(sample.src.h.device)) for sample in (here, there)]
    for out in outs:
        out.square().sum().backward()
    require(torch.allclose(outs[0], outs[1].cpu(), atol=1e-4), "results on GPU and CPU differ")
    grads = [sample.src.h.grad for sample in (here, there)]
    assert grads[0] is not None
    assert grads[1] is not None
    require(torch.allclose(grads[0], grads[1].cpu(), atol=1e-3), "gradients on GPU and CPU differ")


def _moved(sample: Sample, move: Callable[[Tensor], Tensor]) -> Sample:
    """The sample with every tensor put through ``move``."""
    block = sample.block
    indptr, indices, order = block.csr.transposed
    csr = replace(
        block.csr,
        indptr=move(block.csr.indptr),
        indices=move(block.csr.indices),
        turned=(move(indptr), move(indices), move(order)),
    )
    edge = {name: move(value) for name, value in block.edge.items()}

    def ends(part: NodeInputs) -> NodeInputs:
        return NodeInputs(move(part.h), None, None if part.degree is None else move(part.degree))

    src, dst = ends(sample.src), ends(sample.dst)
    moved = replace(block, csr=csr, edge=edge, src_degree=src.degree, dst_degree=dst.degree)
    return Sample(moved, src, dst)
