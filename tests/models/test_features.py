"""Features on a common scale, and their principal components."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic.graph.types import Modality
from hetmusic.models import features
from hetmusic.models.features import read_features
from hetmusic.models.inputs import FeatureInput
from hetmusic.models.scaling import scaled_features


def modality(count: int = 60, dim: int = 12, rank: int = 3, checksum: str | None = None) -> Modality:
    """Vectors of a low rank with a little noise; every fifth is absent."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((count, rank)) @ rng.standard_normal((rank, dim)) + 5
    values += 1e-3 * rng.standard_normal(values.shape)
    present = np.arange(count) % 5 != 2
    return Modality(np.where(present[:, None], values, 0).astype("float16"), present, {}, checksum)


@pytest.mark.parametrize("scaling", ["standard", "unit", "l2", "none"])
def test_components_are_those_of_a_singular_value_decomposition(scaling: str) -> None:
    full, known = scaled_features(modality(), scaling)
    found = read_features(modality(), scaling, 3)
    assert found.basis is not None
    _, _, right = torch.linalg.svd(full[known].double(), full_matrices=False)
    assert torch.allclose(
        (right[:3] @ found.basis.double()).abs(), torch.eye(3, dtype=torch.float64), atol=1e-3
    )
    assert torch.allclose(found.values, full @ found.basis, atol=1e-5)
    assert not found.values[~known].any()


def test_what_the_components_hold_is_nearly_all_of_vectors_of_low_rank() -> None:
    full, known = scaled_features(modality(), "unit")
    found = read_features(modality(), "unit", 3)
    assert found.basis is not None
    assert torch.allclose(found.values @ found.basis.T, full, atol=5e-3)
    assert torch.allclose(found.values[known].norm(dim=1), full[known].norm(dim=1), atol=5e-3)


def test_fewer_dimensions_than_components_are_left_alone() -> None:
    found = read_features(modality(), "standard", 12)
    assert found.basis is None
    assert torch.equal(found.values, scaled_features(modality(), "standard")[0])


def test_components_are_kept_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_features(modality(checksum="kept"), "unit", 4)
    monkeypatch.setattr(features, "transform_of", None)  # computing them again would fail
    again = read_features(modality(checksum="kept"), "unit", 4)
    assert torch.equal(again.values, first.values)
    with pytest.raises(TypeError):
        read_features(modality(checksum="other"), "unit", 4)
    with pytest.raises(TypeError):
        read_features(modality(checksum="kept"), "unit", 5)


def test_whitened_features_are_kept_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_features(modality(checksum="white"), "whiten", 3)
    assert first.basis is None
    assert torch.equal(first.values, scaled_features(modality(), "whiten", 3)[0])
    monkeypatch.setattr(features, "scaled_features", None)
    assert torch.equal(read_features(modality(checksum="white"), "whiten", 3).values, first.values)
    with pytest.raises(TypeError):
        read_features(modality(checksum="white"), "whiten", None)


def test_a_damaged_cache_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HETMUSIC_CACHE", str(tmp_path))
    first = read_features(modality(checksum="x"), "unit", 4)
    (file,) = (tmp_path / "components").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert torch.equal(read_features(modality(checksum="x"), "unit", 4).values, first.values)


def test_weights_bring_the_components_they_were_trained_on() -> None:
    layer = FeatureInput(modality(), 4, "unit", components=3)
    expected = layer(None)
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    # a machine where two components come out in the other order
    swapped = state["basis"][:, [1, 0, 2]]
    state["basis"], state["project.weight"] = swapped, state["project.weight"][:, [1, 0, 2]]
    other = FeatureInput(modality(), 4, "unit", components=3)
    other.load_state_dict(state)
    assert torch.allclose(other(None), expected, atol=1e-5)
