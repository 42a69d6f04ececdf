"""Where tables of item vectors start: at the leading singular vectors of the training interactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hetmusic.graph.types import Edges, EdgeType
from hetmusic.models.inputs import FeatureInput, IdInput
from hetmusic.models.mmgnn import MMGNN
from hetmusic.models.tower import Tower

#: vectors beyond those asked for, and products with the matrix, of the randomised decomposition
_SPARE, _PRODUCTS = 16, 3
#: a singular value below this share of the largest is rounding
_NOTHING = 1e-5
#: what the degrees of items are raised by, in mean degrees
_SHRINKAGE = 5.0
#: ridge of the regressions on features, as a share of their mean square
_RIDGE = 1e-3
#: share of the vectors that no tower is trusted to explain
_UNEXPLAINED = 0.05

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ItemVectors:
    """Items by who likes them."""

    #: shape ``(num_items, rank)``; zero for items without interactions
    vectors: Floats
    #: log of the factor that turns ``<user, vector / its length>`` into a score that is proportional to P(item | user),
    #: ``(num_items,)``; the least of all for items without interactions
    log_factor: Floats


def item_vectors(likes: sp.csr_matrix, dim: int, seed: int = 0) -> ItemVectors:
    """Regularised spectral embedding of the bipartite graph of users and items.

    With the degrees d of users and items and t = 5 mean degrees of items, the leading right singular vectors of
    d_u^(-1/2) X (d_i + t)^(-1/2) are V (Qin and Rohe 2013; t on the side of the items alone), and an item's vector is
    v_i = V_i (d_i + t)^(-1/2): what its listeners have in common, shrunk towards zero where they are few. The mean of the
    vectors of what a user likes, times (d_i + t) v_i, is what PureSVD (Cremonesi et al. 2010) ranks by on that matrix. The
    decomposition is randomised (Halko et al. 2011).

    :param likes: X, users by items; all that is stored counts 1.
    :param dim: most columns; fewer if the matrix has a lower rank.
    """
    users, items = (np.asarray(likes.getnnz(axis=axis), np.float32) for axis in (1, 0))
    counted = items + max(_SHRINKAGE * float(items.mean()), 1e-9)
    ones = sp.csr_matrix((np.ones(likes.nnz, np.float32), likes.indices, likes.indptr), likes.shape)
    rows = sp.diags_array(1 / np.sqrt(np.maximum(users, 1)))
    right = _right_singular_vectors(
        (rows @ ones @ sp.diags_array(1 / np.sqrt(counted))).tocsr(), dim, np.random.default_rng([seed, 0])
    )
    vectors = right / np.sqrt(counted)[:, None]
    length = np.linalg.norm(vectors, axis=1) * counted
    known = items > 0
    least = length[known].min(initial=np.inf)
    vectors[~known] = 0.0
    return ItemVectors(vectors, np.log(np.where(known, np.maximum(length, 1e-12), least)).astype(np.float32))


def _right_singular_vectors(matrix: sp.csr_matrix, count: int, rng: np.random.Generator) -> Floats:
    """The leading right singular vectors as columns, float32, fewer if the rank is lower."""
    drawn = min(count + _SPARE, *matrix.shape)
    basis = matrix @ rng.standard_normal((matrix.shape[1], drawn), np.float32)
    for _ in range(_PRODUCTS):
        basis = matrix @ (matrix.T @ np.linalg.qr(basis)[0])
    small = (matrix.T @ np.linalg.qr(basis)[0]).T
    # of the few rows that are left, by their products with each other
    strength, turn = np.linalg.eigh((small @ small.T).astype(np.float64))
    strength, turn = np.sqrt(np.maximum(strength[::-1], 0)), turn[:, ::-1]
    kept = min(count, int((strength > _NOTHING * strength[0]).sum()))
    found: Floats = (small.T @ (turn[:, :kept] / strength[:kept]).astype(np.float32)).astype(np.float32)
    return found


@torch.no_grad()
def start_spectrally(model: MMGNN, train: Edges, relations: Mapping[EdgeType, Edges], seed: int = 0) -> None:
    """Let the item tables of all towers start from :func:`item_vectors`, and what surrounds items from their means.

    * Tables of learned item vectors take the vectors; items without training interactions keep what they have.
    * Projections of features are their ridge regressions on them.
    * Tables of nodes around items take the mean vector of the items that the node has an edge from.
    * Learned weights of towers start in proportion to r / (1.05 - r), r the share of the vectors' variance that the tower's
      item table reproduces.
    * The head starts from the factors, if it has any.

    All vectors are scaled by one number, so that they have the root mean square of ``model.init_scale``.

    :param train: training interactions; nothing else is read of users.
    :param relations: what message passing may see, inverses included.
    """
    schema = model.schema
    shape = schema.num_nodes[schema.user_type], schema.num_nodes[schema.item_type]
    found = item_vectors(
        sp.csr_matrix((np.ones(len(train), np.float32), (train.src, train.dst)), shape),
        model.config.dim,
        seed,
    )
    known = torch.from_numpy(np.bincount(train.dst, minlength=shape[1]) > 0)
    vectors = torch.from_numpy(found.vectors)
    vectors *= model.config.init_scale / vectors[known].square().mean().sqrt()
    explained = {}
    for name, tower in model.towers.items():
        assert isinstance(tower, Tower)
        outputs = [] if tower.outputs is None else list(tower.outputs.items())
        for ntype, table in [*tower.inputs.items(), *outputs]:
            if ntype == schema.item_type:
                explained[name] = _start_items(table, vectors, known)
            elif isinstance(table, IdInput) and ntype != schema.user_type:
                edges = [e for t, e in relations.items() if (t.src, t.dst) == (schema.item_type, ntype)]
                _start_around(table, vectors, edges)
    model.head.start_from_spectrum(found.log_factor)
    if model.config.tower_weights == "learned":
        shares = torch.tensor([explained.get(name, 0.0) for name in model.item_towers]).clamp(min=1e-3)
        model.head.weights.copy_((shares / (1 + _UNEXPLAINED - shares)).log())


def _start_items(table: nn.Module, vectors: Tensor, known: Tensor) -> float:
    """Bring a table of items as near to the vectors as it can be; the share of their variance that it has then."""
    rank = vectors.shape[1]
    if isinstance(table, IdInput):
        table.table[known, :rank] = vectors[known]
        return 1.0
    if not isinstance(table, FeatureInput):
        return 0.0
    there, absent = table.known & known, ~table.known & known
    if not there.any():
        return 0.0
    features, wanted = table.features[there], vectors[there]
    weight, bias = _regression(features, wanted)
    table.project.weight[:rank], table.project.bias[:rank] = weight, bias
    if absent.any():
        table.absent[:rank] = vectors[absent].mean(dim=0)
    left = (wanted - torch.addmm(bias, features, weight.T)).square().sum()
    return max(0.0, 1 - float(left / (wanted - wanted.mean(dim=0)).square().sum().clamp(min=1e-30)))


def _regression(features: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """W and b of the ridge regression of vectors on features."""
    mean, centre = features.mean(dim=0), vectors.mean(dim=0)
    square = (features.T @ features / len(features) - torch.outer(mean, mean)).double()
    mixed = (features.T @ vectors / len(features) - torch.outer(mean, centre)).double()
    ridge = _RIDGE * square.diagonal().mean().clamp(min=torch.finfo(torch.float32).tiny)
    weight = torch.linalg.solve(square + ridge * torch.eye(len(square), dtype=square.dtype), mixed).T.float()
    return weight, centre - weight @ mean


def _start_around(table: IdInput, vectors: Tensor, relations: list[Edges]) -> None:
    """Give the nodes that items have edges to the mean vector of those items."""
    rank = vectors.shape[1]
    total, count = np.zeros((table.num_nodes, rank), np.float32), np.zeros(table.num_nodes, np.float32)
    for edges in relations:
        ones = np.ones(len(edges), np.float32)
        matrix = sp.csr_matrix((ones, (edges.dst, edges.src)), (table.num_nodes, len(vectors)))
        total += matrix @ vectors.numpy()
        count += np.bincount(edges.dst, minlength=table.num_nodes).astype(np.float32)
    there = torch.from_numpy(count > 0)
    table.table[there, :rank] = torch.from_numpy(total[count > 0] / count[count > 0, None])
