"""Inference over the whole graph, layer by layer in pieces of the nodes, so that its memory is that of the results."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hetmusic.graph.types import EdgeType
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock

if TYPE_CHECKING:
    from hetmusic.models.mmgnn import MMGNN

#: nodes that are computed at a time
PIECE = 32_768
#: results that take more bytes than this are in files that are mapped into memory, if there is a folder for them
_LARGE = 1 << 25


def propagate(
    conv: HeteroConv,
    blocks: Mapping[EdgeType, RelationBlock],
    src: Mapping[str, NodeInputs],
    num_dst: Mapping[str, int],
) -> dict[str, Tensor]:
    """``conv(blocks, src, num_dst)``; without gradients a piece of the destinations at a time.

    Messages of a layer take as much memory as its results for each relation, and encoders may take several times that. Every
    node has all its neighbours, so the result is the same, but for rounding. Combiners that look at all nodes
    (:attr:`~hetmusic.models.combine.Combiner.by_node`) are given all.
    """
    if torch.is_grad_enabled() or all(count <= PIECE for count in num_dst.values()):
        return conv(blocks, src, num_dst)  # type: ignore[no-any-return]
    return {ntype: _type_in_pieces(conv, blocks, src, ntype, count) for ntype, count in num_dst.items()}


def _type_in_pieces(
    conv: HeteroConv,
    blocks: Mapping[EdgeType, RelationBlock],
    src: Mapping[str, NodeInputs],
    ntype: str,
    count: int,
) -> Tensor:
    into = {edge_type: block for edge_type, block in blocks.items() if edge_type.dst == ntype}
    if not into or count <= PIECE or not conv.combiners[ntype].by_node:
        out: Tensor = conv(into, src, {ntype: count})[ntype]
        return out
    found = next(iter(src.values())).like.new_empty(count, conv.dim)
    for start in range(0, count, PIECE):
        stop = min(start + PIECE, count)
        part = {edge_type: block.rows(start, stop) for edge_type, block in into.items()}
        dst = {ntype: src[ntype].rows(start, stop)} if ntype in src else {}
        found[start:stop] = conv(part, src, {ntype: stop - start}, dst)[ntype]
    return found


def final_embeddings(
    model: MMGNN, blocks: LayeredBlocks, folder: Path | None = None
) -> tuple[Tensor, Tensor]:
    """Matrices whose inner products are the final scores of all users and items, on the CPU.

    One tower is in memory at a time; what towers say, and the result, are in files if that takes much and there is a folder.

    :param blocks: the whole training graph (see :func:`~hetmusic.models.blocks.full_graph_blocks`).
    :param folder: where files may be made, which are gone when the tensors are.
    :return: ``(num_users, d)`` and ``(num_items, d)``, float32.
    """
    was_training = model.training
    model.eval()
    users, items = embed(model, blocks, folder)
    model.train(was_training)
    return users.float().cpu(), items.float().cpu()


@torch.no_grad()
def embed(model: MMGNN, blocks: LayeredBlocks, folder: Path | None) -> tuple[Tensor, Tensor]:
    """The same of a model in evaluation mode, on any device."""
    users, items = model.encode(blocks, lambda value: _kept(value, folder))
    count = len(next(iter(items.values())))
    if count <= PIECE:
        view = model.score_views(users, items, None)[0]
        return view.users, view.items
    out: Tensor | None = None
    for start in range(0, count, PIECE):
        ids = torch.arange(start, min(start + PIECE, count), device=next(iter(items.values())).device)
        view = model.score_views(users, {name: value[ids] for name, value in items.items()}, ids)[0]
        out = _room((count, view.items.shape[1]), view.items, folder) if out is None else out
        if not out.is_meta:
            out[start : start + len(ids)] = view.items
    assert out is not None
    return view.users, out


def _kept(value: Tensor, folder: Path | None) -> Tensor:
    """The same, in a file if it is large; on a GPU where it is."""
    if value.device.type == "cuda" or folder is None or value.nbytes <= _LARGE:
        return value
    room = _room(tuple(value.shape), value, folder)
    return room if room.is_meta else room.copy_(value)


def _room(shape: tuple[int, ...], like: Tensor, folder: Path | None) -> Tensor:
    """Room for results in main memory, if they are large in a file that has no name any more.

    The system may write the pages of a file out when it needs them, so they do not count as memory.
    """
    size = torch.Size(shape).numel()
    if folder is None or size * like.element_size() <= _LARGE:
        return torch.empty(shape, dtype=like.dtype, device="meta" if like.is_meta else "cpu")
    if like.is_meta:
        return like.new_empty(1).expand(shape)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".embeddings-") as file:
        return torch.from_file(file.name, shared=True, size=size, dtype=like.dtype).view(shape)
