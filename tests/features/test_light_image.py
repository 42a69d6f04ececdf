"""Reading pictures and describing them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hetmusic.features import describe, light_image
from hetmusic.features.light_image import (
    ImageStatistics,
    colour_histogram,
    gradient_texture,
    picture_statistics,
    read_picture,
)


def test_histogram_by_hand() -> None:
    pixels = np.array([[0.0, 0.0, 0.0], [0.49, 0.0, 0.51], [1.0, 1.0, 1.0], [1.0, 0.2, 0.2]])
    np.testing.assert_array_equal(colour_histogram(pixels, 2), [0.25, 0.25, 0, 0, 0.25, 0, 0, 0.25])


def test_histogram_sums_to_one() -> None:
    assert colour_histogram(np.random.default_rng(0).random((100, 3)), 4).sum() == pytest.approx(1.0)


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


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_every_mode_is_read(tmp_path: Path, mode: str) -> None:
    grey = Image.new("L", (10, 20), 255)
    picture = Image.new("I;16", (10, 20), 255) if mode == "I;16" else grey.convert(mode)
    suffix = {"CMYK": "tiff", "F": "tiff", "YCbCr": "jpg"}.get(mode, "png")
    picture.save(tmp_path / f"a.{suffix}")
    (path,) = tmp_path.iterdir()
    read = read_picture(path)
    assert read.shape == (64, 64, 3)
    if mode != "I;16":
        assert read.min() > 0.98


def test_transparent_is_white_and_the_first_frame_counts(tmp_path: Path) -> None:
    Image.new("RGBA", (9, 9), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").min() == 1.0
    first, second = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    np.testing.assert_allclose(read_picture(tmp_path / "a.gif")[0, 0], [1, 0, 0], atol=0.01)


def test_large_jpegs_are_scaled(tmp_path: Path) -> None:
    Image.new("RGB", (1500, 900), (0, 128, 255)).save(tmp_path / "a.jpg")
    np.testing.assert_allclose(read_picture(tmp_path / "a.jpg").mean(axis=(0, 1)), [0, 0.5, 1], atol=0.02)


def test_absences_have_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        "not a readable picture",
        "not a readable picture",
        "empty file",
        "too many pixels",
        "too many pixels",
        "no such file",
        "none given",
    )
    monkeypatch.setattr(light_image, "_MAX_PIXELS", 2_499)
    assert describe(ImageStatistics(), [tmp_path / "good.png"]).reasons == ("too many pixels",)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "tiff", "webp"])
def test_damaged_files_never_raise(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(
        buffer, format=kind
    )
    good = buffer.getvalue()
    rng = np.random.default_rng(1)
    paths = []
    for number in range(60):
        content = bytearray(good)
        for position in rng.integers(0, 80 if number % 2 else len(good), 4):
            content[position] = rng.integers(256)
        paths.append(tmp_path / f"{number}.{kind}")
        paths[-1].write_bytes(content[: rng.integers(1, len(good) + 1)] if number % 3 == 0 else content)
    result = describe(ImageStatistics(), paths)
    assert np.isfinite(result.values).all()
    assert (~result.present).any()
