"""Reading pictures and describing them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hetmusic.errors import FeatureError
from hetmusic.features import describe
from hetmusic.features.light_image import (
    ImageStatistics,
    colour_histogram,
    gradient_texture,
    picture_statistics,
    small_picture,
)


def test_histogram_by_hand() -> None:
    pixels = np.array([[0.0, 0.0, 0.0], [0.49, 0.0, 0.51], [1.0, 1.0, 1.0], [1.0, 0.2, 0.2]])
    np.testing.assert_array_equal(colour_histogram(pixels, 2), [0.25, 0.25, 0, 0, 0.25, 0, 0, 0.25])


def test_histogram_sums_to_one() -> None:
    assert colour_histogram(np.random.default_rng(0).random((100, 3)), 4).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("levels", [0, -1, 17])
def test_levels_that_make_no_histogram(levels: int) -> None:
    with pytest.raises(FeatureError, match=f"have 1 to 16 levels per channel, not {levels}"):
        ImageStatistics(levels)


def test_texture_of_a_ramp_and_of_nothing() -> None:
    ramp = np.tile(np.arange(8) * 0.1, (8, 1))
    np.testing.assert_allclose(gradient_texture(ramp), [0.1, 0, 1, 0, 0, 0, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(gradient_texture(ramp.T), [0.1, 0, 0, 0, 0, 0, 1, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(gradient_texture(-ramp), gradient_texture(ramp), atol=1e-9)
    np.testing.assert_allclose(gradient_texture(ramp + ramp.T)[2:], [0, 0, 1, 0, 0, 0, 0, 0], atol=1e-9)
    assert not gradient_texture(np.full((8, 8), 0.3)).any()


def test_statistics_of_a_plain_picture() -> None:
    values = picture_statistics(np.full((64, 64, 3), [1.0, 0.5, 0.0]), 4)
    assert values.shape == (80,) == (ImageStatistics().dim,)
    assert values[3 * 16 + 2 * 4 + 0] == 1.0
    np.testing.assert_allclose(values[64:70], [1.0, 0.5, 0.0, 0, 0, 0])


def test_pictures_are_scaled_by_averaging(tmp_path: Path) -> None:
    checks = np.indices((128, 128)).sum(axis=0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "a.png")
    small = small_picture(tmp_path / "a.png")
    assert small.shape == (64, 64, 3)
    np.testing.assert_allclose(small, 0.5, atol=1 / 255)
    Image.new("RGB", (1500, 900), (0, 128, 255)).save(tmp_path / "a.jpg")
    np.testing.assert_allclose(small_picture(tmp_path / "a.jpg").mean(axis=(0, 1)), [0, 0.5, 1], atol=0.02)


def test_absences_have_reasons(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), dtype=np.uint8)).save(
        buffer, format="PNG"
    )
    good = buffer.getvalue()
    (tmp_path / "good.png").write_bytes(good)
    (tmp_path / "cut.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    Image.new("1", (6000, 6000)).save(tmp_path / "huge.png")
    Image.new("1", (15_000, 15_000)).save(tmp_path / "bomb.png")
    names = ["good", "cut", "text", "empty", "huge", "bomb", "nowhere"]
    result = describe(ImageStatistics(), [*(tmp_path / f"{name}.png" for name in names), None])
    assert result.reasons == (
        None,
        "truncated",
        "not a readable picture",
        "empty file",
        "too many pixels",
        "too many pixels",
        "no such file",
        "none given",
    )
