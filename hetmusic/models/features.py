"""What a model reads of a modality: features on a common scale, reduced if asked, kept once made."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hetmusic._io import replacing_file
from hetmusic.graph.raw.many.cache import cache_folder
from hetmusic.graph.types import Modality
from hetmusic.models.scaling import pieces, scaled_features, transform_of, turned

logger = logging.getLogger(__name__)

#: rows that the principal components are computed from at most, evenly spread over those present
_MOST_ROWS = 50_000
#: changes when the same input would give other components
_VERSION = 1


@dataclass(frozen=True)
class ScaledFeatures:
    """The features of a node type as a model reads them."""

    #: float32 ``(num_nodes, dim)``, zero where absent
    values: Tensor
    #: bool ``(num_nodes,)``
    known: Tensor
    #: what the scaled features were multiplied by, float32 ``(original dim, dim)``; None if they were not reduced
    basis: Tensor | None = None


def read_features(modality: Modality, scaling: str, components: int | None = None) -> ScaledFeatures:
    """Read a modality on a common scale, reduced if it has more dimensions than asked for.

    Whitened features are principal components anyway (:func:`~hetmusic.models.scaling.scaled_features`). Others are reduced
    to Z V with the scaled features Z and the eigenvectors V of ZᵀZ with the largest eigenvalues (of at most 50,000 rows):
    what a projection can read of Z V is what it could read of the best approximation of Z of that rank. The result is kept
    in the cache folder if the modality has a checksum.

    :param components: most dimensions; None keeps all.
    """
    known = torch.from_numpy(modality.present.copy())
    reduced = scaling != "whiten" and components is not None and components < modality.dim
    if not (reduced or scaling == "whiten"):
        return ScaledFeatures(scaled_features(modality, scaling)[0], known)
    path = _cached(modality, scaling, components)
    if (kept := _load(path, known)) is not None:
        return kept
    if reduced:
        assert components is not None
        found = _reduced(modality, scaling, components)
    else:
        found = ScaledFeatures(scaled_features(modality, scaling, components)[0], known)
    _store(path, found)
    return found


def project_features(modality: Modality, scaling: str, basis: Tensor) -> Tensor:
    """The features of :func:`read_features` with components that are given, ``(num_nodes, basis.shape[1])``."""
    transform, _ = transform_of(modality, scaling, None)
    out = torch.zeros(len(modality.present), basis.shape[1])
    for rows, values in pieces(modality):
        out[rows] = torch.from_numpy(transform(values)).float() @ basis
    return out


def _reduced(modality: Modality, scaling: str, count: int) -> ScaledFeatures:
    """The leading eigenvectors of ZᵀZ, and Z in their terms."""
    transform, dim = transform_of(modality, scaling, None)
    every = max(1, -(-int(modality.present.sum()) // _MOST_ROWS))
    total = torch.zeros(dim, dim, dtype=torch.float64)
    for _, values in pieces(modality, every):
        scaled = torch.from_numpy(transform(values)).float()
        total += (scaled.T @ scaled).double()
    strength, vectors = torch.linalg.eigh(total)
    basis = vectors[:, -count:].flip(1)
    basis = torch.from_numpy(turned(basis.numpy())).float()
    share = strength[-count:].sum() / strength.sum().clamp(min=torch.finfo(torch.float64).tiny)
    logger.info("reduced %d features to %d components: variance=%.3f", dim, count, float(share))
    known = torch.from_numpy(modality.present.copy())
    return ScaledFeatures(project_features(modality, scaling, basis), known, basis)


def _cached(modality: Modality, scaling: str, components: int | None) -> Path | None:
    if modality.checksum is None:
        return None
    key = json.dumps([_VERSION, modality.checksum, scaling, components])
    return cache_folder() / "components" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"


def _load(path: Path | None, known: Tensor) -> ScaledFeatures | None:
    if path is None or not path.is_file():
        return None
    try:
        kept = load_file(path)
    except (OSError, SafetensorError):
        return None  # damaged: it is made again
    if not {"values", "known"} <= kept.keys() <= {"values", "known", "basis"} or not torch.equal(
        kept["known"], known
    ):
        return None
    return ScaledFeatures(kept["values"], known, kept.get("basis"))


def _store(path: Path | None, found: ScaledFeatures) -> None:
    if path is None:
        return
    parts = {name: value.contiguous() for name, value in vars(found).items() if value is not None}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_file(path) as temporary:
            save_file(parts, temporary)
    except OSError as problem:  # a cache that cannot be written costs time, nothing else
        logger.warning("%s is not kept: %s", path, problem)
