"""Checks of what an encoder returns: shapes, values, gradients, on ordinary and on extreme blocks."""

from __future__ import annotations

import torch
from torch import Tensor

from hetmusic.graph.types import EdgeType
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.testing.contract import require
from hetmusic.testing.encoder_case import FRIENDS, LIKED_BY, EncoderCase, Sample, attributes
from hetmusic.testing.encoder_contract import encoder_contract


def require_shape(out: Tensor, sample: Sample, dim: int, where: str) -> None:
    """The result is a tensor of shape ``(num_dst, dim)``."""
    kind = type(out).__name__
    require(isinstance(out, Tensor), f"{where}, the result is a {kind}, not a tensor")
    expected = (sample.block.num_dst, dim)
    require(out.shape == expected, f"{where}, the result has shape {tuple(out.shape)}, expected {expected}")


def require_finite(sample: Sample, encoder: RelationEncoder, out: Tensor, where: str) -> None:
    """The result is finite, and so is each gradient of a loss made of it."""
    require(torch.isfinite(out).all(), f"{where}, the result holds NaN or infinity")
    if not out.requires_grad:
        return
    out.square().mean().backward()
    parts = {"src.h": sample.src.h, "dst.h": sample.dst.h, **dict(encoder.named_parameters())}
    for name, part in parts.items():
        require(
            part.grad is None or torch.isfinite(part.grad).all(),
            f"{where}, the gradient of {name} holds NaN or infinity",
        )


def _check(case: EncoderCase, sample: Sample, where: str) -> None:
    encoder = case.make()
    out = sample.run(encoder)
    require_shape(out, sample, case.dim, where)
    require_finite(sample, encoder, out, where)


@encoder_contract.check(
    rule="the result is a tensor of shape (num_dst, dim): one row a destination node",
    fix="reduce messages to destinations (relation.sum, or self.reduce in forward), and keep dim columns",
)
def output_shape(case: EncoderCase) -> None:
    """More sources than destinations, fewer, and the same nodes at both ends."""
    encoder = case.make()
    for num_src, num_dst, edge_type in ((9, 4, LIKED_BY), (4, 9, LIKED_BY), (7, 7, FRIENDS), (7, 3, FRIENDS)):
        sample = case.sample(num_src, num_dst, edge_type=edge_type)
        where = f"with {num_src} sources and {num_dst} destinations"
        require_shape(sample.run(encoder), sample, case.dim, where)


@encoder_contract.check(
    rule="the result has the dtype of src.h, float32 or float64",
    fix="do not call .float() or fix a dtype; make constants with src.h.new_tensor or .to(src.h.dtype)",
)
def output_dtype(case: EncoderCase) -> None:
    """Single and double precision."""
    for dtype in (torch.float32, torch.float64):
        out = case.sample().leaves(dtype).run(case.make().to(dtype))
        require(out.dtype == dtype, f"given {dtype}, the result is {out.dtype}")


@encoder_contract.check(
    rule="results and gradients are finite, and the sources reach the result",
    fix="subtract the maximum before exp (relation.softmax does), divide by .clamp(min=...), and use src.h undetached",
)
def finite_values_and_gradients(case: EncoderCase) -> None:
    """Ordinary representations, large ones and zeros."""
    for scale, what in ((1.0, "ordinary"), (100.0, "large"), (0.0, "zero")):
        sample, encoder = case.sample().leaves(scale=scale), case.make()
        out = sample.run(encoder)
        where = f"with {what} representations"
        require(out.requires_grad, f"{where}, the result has no gradient")
        require_finite(sample, encoder, out, where)
        reached = sample.src.h.grad
        if scale == 1.0:
            require(
                reached is not None and reached.abs().sum() > 0, "no gradient reaches the sources (src.h)"
            )


@encoder_contract.check(
    rule="a block without any edge gives finite rows (their values are not used)",
    fix="do not take maxima or means over no edges; relation.sum and relation.softmax cope with none",
)
def no_edges(case: EncoderCase) -> None:
    """Six sources, five destinations, nothing between them."""
    none = torch.zeros(0, dtype=torch.int64)
    edge = attributes(0, torch.Generator())
    block = RelationBlock.from_coo(LIKED_BY, none, none, 6, 5, edge)
    _check(case, case.on(block).leaves(), "without edges")


@encoder_contract.check(
    rule="a destination without edges gives a finite row, and the others do not notice it",
    fix="clamp degrees and totals before dividing by them, and do not mix rows of different destinations",
)
def isolated_destinations(case: EncoderCase) -> None:
    """The same edges with and without three more destinations."""
    sample = case.sample()
    block = sample.block
    wider = RelationBlock.from_coo(
        block.edge_type,
        block.src_index,
        block.dst_index,
        block.num_src,
        block.num_dst + 3,
        block.edge,
    )
    h = torch.cat([sample.dst.h, torch.randn(3, case.dim, generator=torch.Generator().manual_seed(5))])
    more = Sample(wider, sample.src, NodeInputs(h, None, wider.dst_degree))
    _check(case, more.leaves(), "with three destinations that have no edges")
    encoder = case.make().eval()
    before, after = sample.run(encoder), more.run(encoder)[: block.num_dst]
    changed = not torch.allclose(before, after, atol=1e-5)
    require(not changed, "rows change when destinations without edges are added")


@encoder_contract.check(
    rule="one source, one destination and one edge are enough",
    fix="do not squeeze() all dimensions, and do not divide by a variance or by n - 1",
)
def one_node(case: EncoderCase) -> None:
    """The smallest block with an edge."""
    _check(case, case.sample(1, 1, 1).leaves(), "with one source, one destination and one edge")


@encoder_contract.check(
    rule="nodes may lack the tower's modality: src.present and dst.present are None or bool masks, also all False",
    fix="treat None as everywhere present, and do not divide by the number of present neighbours unclamped",
)
def absent_modality_rows(case: EncoderCase) -> None:
    """No mask, some, none and all present."""
    sample = case.sample()
    masks = {
        "all present": lambda n: torch.ones(n, dtype=torch.bool),
        "every other node absent": lambda n: torch.arange(n) % 2 == 0,
        "all absent": lambda n: torch.zeros(n, dtype=torch.bool),
    }
    for what, mask in masks.items():
        src, dst = (NodeInputs(part.h, mask(len(part.h)), part.degree) for part in (sample.src, sample.dst))
        _check(case, Sample(sample.block, src, dst).leaves(), f"with {what}")
        only_src = Sample(sample.block, src, sample.dst).leaves()
        _check(case, only_src, f"with {what} among the sources and no mask of the destinations")


@encoder_contract.check(
    rule="row v of the result depends on destination v, on its edges and on their sources, on no other node",
    fix="index src with relation.src_index and dst with relation.dst_index; do not normalise over the batch",
)
def source_and_destination_are_kept_apart(case: EncoderCase) -> None:
    """Gradients of every row, on a block from songs to users and on one among users."""
    wide, tall = EdgeType("song", "liked_by", "user"), EdgeType("tag", "tag_of", "song")
    for num_src, num_dst, edge_type in ((7, 4, wide), (4, 7, tall), (6, 6, FRIENDS)):
        sample, encoder = case.sample(num_src, num_dst, 10, edge_type=edge_type).leaves(), case.make().eval()
        out, block = sample.run(encoder), sample.block
        for row in range(num_dst):
            grads = torch.autograd.grad(
                out[row].sum(), [sample.src.h, sample.dst.h], retain_graph=True, allow_unused=True
            )
            used = [set() if g is None else set(g.abs().sum(dim=1).nonzero()[:, 0].tolist()) for g in grads]
            neighbours = set(block.src_index[block.dst_index == row].tolist())
            require(
                used[0] <= neighbours,
                f"row {row} of {edge_type} depends on sources {sorted(used[0])}, its neighbours are {sorted(neighbours)}",
            )
            require(
                used[1] <= {row}, f"row {row} of {edge_type} depends on the destinations {sorted(used[1])}"
            )
