"""Layer 0: where the representations of a node type come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hetmusic.graph.types import Modality
from hetmusic.models.deferred import DeferredInputs, SummableTable
from hetmusic.models.features import ScaledFeatures, project_features, read_features
from hetmusic.relations import NodeInputs, RelationBlock
from hetmusic.relations.kernels import sparse_product

#: rows of features that are copied at a time where all are read
_PIECE = 65_536


class NodeInput(nn.Module):
    """Gives the layer-0 representations of one node type.

    :param num_nodes: number of nodes of the type.
    :param dim: size of the representations.
    """

    def __init__(self, num_nodes: int, dim: int) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        self.dim = dim

    def forward(self, nodes: Tensor | None) -> Tensor:
        """Layer-0 representations.

        :param nodes: node indices, int64 ``(n,)``; None means all nodes in order.
        :return: shape ``(n, dim)``.
        """
        raise TypeError(f"{type(self).__name__} must implement forward()")

    def inputs(self, nodes: Tensor | None, read: Tensor | None = None) -> NodeInputs:
        """The same as relation encoders see it, and which nodes have the modality themselves.

        :param read: the features of ``nodes``, if they have been read already.
        """
        return NodeInputs(self(nodes))


class IdInput(NodeInput):
    """A learned vector for every node.

    :param scale: standard deviation of the vectors at the start.
    :param untrained: nodes whose vectors no step of training touches, bool ``(num_nodes,)``; they are zero, since noise
        would be worse than nothing.
    """

    def __init__(
        self, num_nodes: int, dim: int, scale: float = 0.1, untrained: NDArray[np.bool_] | None = None
    ) -> None:
        super().__init__(num_nodes, dim)
        table = torch.randn(num_nodes, dim) * scale
        if untrained is not None:
            table[torch.from_numpy(untrained).to(table.device)] = 0.0
        self.table = nn.Parameter(table)
        #: whether the gradient of the table, where some of its rows are read, is sparse
        self.sparse = False
        #: nodes whose vectors a step of training does without, bool ``(num_nodes,)``
        self.dropped: Tensor | None = None

    def forward(self, nodes: Tensor | None) -> Tensor:  # noqa: D102
        out = self.table if nodes is None else nn.functional.embedding(nodes, self.table, sparse=self.sparse)
        if not self.training or self.dropped is None:
            return out
        return out.masked_fill(
            (self.dropped if nodes is None else self.dropped.index_select(0, nodes))[:, None], 0.0
        )


class FeatureInput(NodeInput, SummableTable):
    """W f + b where a node has features f, a learned vector where it has none, plus a learned vector a node if asked.

    :param modality: the features; kept out of the weights, since the graph holds them.
    :param scaling: see :func:`~hetmusic.models.scaling.scaled_features`.
    :param id_embedding: whether a learned vector a node is added.
    :param scale: standard deviation of learned vectors at the start.
    :param untrained: as for :class:`IdInput`.
    :param read: the features, if they have been read; several inputs may share them.
    :param components: most dimensions of the features (see :func:`~hetmusic.models.features.read_features`).
    """

    features: Tensor
    known: Tensor

    def __init__(
        self,
        modality: Modality,
        dim: int,
        scaling: str = "standard",
        id_embedding: bool = False,
        scale: float = 0.1,
        untrained: NDArray[np.bool_] | None = None,
        read: ScaledFeatures | None = None,
        components: int | None = None,
    ) -> None:
        super().__init__(len(modality.present), dim)
        read = read_features(modality, scaling, components) if read is None else read
        self.modality = modality
        self.scaling = scaling
        self.register_buffer("features", read.values, persistent=False)
        self.register_buffer("known", read.known, persistent=False)
        #: principal components are kept with the weights, which mean nothing with others; None without reduction
        self.basis: Tensor | None
        self.register_buffer("basis", None if read.basis is None else read.basis.clone())
        #: nodes whose features a step of training does without, bool ``(num_nodes,)``
        self.dropped: Tensor | None = None
        #: the name of features that stay where they are when the model moves; None if they move with it
        self.apart: str | None = None
        width = read.values.shape[1]
        self.project = nn.Linear(width, dim)
        nn.init.normal_(self.project.weight, std=scale / width**0.5)
        nn.init.zeros_(self.project.bias)
        self.absent = nn.Parameter(torch.randn(dim) * scale)
        self.ids = IdInput(self.num_nodes, dim, scale, untrained) if id_embedding else None

    @property
    def present(self) -> Tensor:
        """Which nodes have features here and now, bool ``(num_nodes,)``."""
        return self.known & ~self.dropped if self.training and self.dropped is not None else self.known

    def keep_apart(self, name: str) -> None:
        """Leave the features where they are, whatever device the model moves to; what is read of them is copied.

        :param name: under which batches bring what they read (:attr:`~hetmusic.models.blocks.LayeredBlocks.features`).
        """
        values = self.features
        del self.features  # a buffer, which would move
        self.features, self.apart = values, name

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        own = None if self.basis is None else self.basis.clone()
        super()._load_from_state_dict(state_dict, prefix, *args)
        if self.basis is None or own is None or torch.equal(own, self.basis):
            return
        # another machine's components differ in the last bits, and where variances are equal, in direction
        values = project_features(self.modality, self.scaling, self.basis.cpu())
        self.features = values.to(self.features.device)

    def forward(self, nodes: Tensor | None, read: Tensor | None = None) -> Tensor:
        """Layer-0 representations; see :meth:`NodeInput.forward`.

        :param read: the features of ``nodes``, if they have been read already.
        """
        present = (self.present if nodes is None else self.present.index_select(0, nodes)).to(
            self.absent.dtype
        )
        out = self._projected(nodes, read, present)
        return out if self.ids is None else out + self.ids(nodes)

    def inputs(self, nodes: Tensor | None, read: Tensor | None = None) -> NodeInputs:  # noqa: D102
        if nodes is not None and read is None and self.apart is None:
            return DeferredInputs.of(self, nodes, self.present.index_select(0, nodes))
        return NodeInputs(
            self(nodes, read), self.present if nodes is None else self.present.index_select(0, nodes)
        )

    def sum(self, nodes: Tensor, relation: RelationBlock, weight: Tensor | None) -> Tensor:
        """``relation.sum(self(nodes), weight)``: features are summed first and then projected, which is linear.

        :param weight: of the edges, without gradient.
        """
        csr, every = relation.csr, self.present.to(self.features.dtype)
        columns = nodes.to(csr.indices.dtype).index_select(0, csr.indices)
        present = every.index_select(0, columns)
        known = present if weight is None else present * weight
        shape = (relation.num_dst, self.num_nodes)
        with torch.no_grad():
            kept = known if self._some_dropped else weight
            features = sparse_product(csr.indptr, columns, kept, shape, self.features)
            there = relation.sum_edges(known)
            total = relation.in_degree.to(known.dtype) if weight is None else relation.sum_edges(weight)
        out = self._project(features, there, total - there)
        return out if self.ids is None else out + relation.sum(self.ids(nodes), weight)

    @property
    def _some_dropped(self) -> bool:
        return self.training and self.dropped is not None

    def _projected(self, nodes: Tensor | None, read: Tensor | None, present: Tensor) -> Tensor:
        """W f + b where there are features, the learned vector elsewhere."""
        if read is None and nodes is None and self.apart is not None:
            pieces = zip(self.features.split(_PIECE), present.split(_PIECE), strict=True)
            if not torch.is_grad_enabled():
                return torch.cat([self._rows(*piece) for piece in pieces])
            # a piece is copied again for the backward pass, so that all of them are never there together
            return torch.cat([checkpoint(self._rows, *piece, use_reentrant=False) for piece in pieces])
        if read is None:
            if nodes is not None and self.apart is not None:
                nodes = nodes.to(self.features.device)
            read = self.features if nodes is None else self.features.index_select(0, nodes)
        return self._rows(read, present)

    def _rows(self, features: Tensor, present: Tensor) -> Tensor:
        if self.apart is not None:
            features = features.to(self.absent.device, non_blocking=True)
        if self._some_dropped:
            features = features * present[:, None]
        return self._project(features, present, 1 - present)

    def _project(self, features: Tensor, present: Tensor, absent: Tensor) -> Tensor:
        """W f + b · present + a · absent; features are zero where they are absent."""
        # the projection adds b once to every row
        counts = torch.stack([present - 1, absent], dim=1)
        vectors = torch.stack([self.project.bias, self.absent])
        return torch.addmm(self.project(features), counts, vectors).to(self.absent.dtype)
