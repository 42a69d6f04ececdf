"""Pictures come upright, from their first frame, and only as large as asked for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from tests.features.pictures.files import available, noise, saved


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_counts(read, form):
    if not available(form):
        pytest.skip(f"this Pillow does not write {form}")
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    assert getattr(Image.open(io.BytesIO(content)), "n_frames", 1) == 3
    np.testing.assert_allclose(np.asarray(read(content))[8, 8], [255, 0, 0], atol=6)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(read, form, orientation):
    """A picture of 32 x 16 whose upper left quarter is red, stored in each of the eight ways."""
    upright = Image.new("RGB", (32, 16), "white")
    upright.paste((255, 0, 0), (0, 0, 16, 8))
    turn = Image.Transpose
    # what has to be done to the picture so that the orientation undoes it
    stored = {
        1: upright,
        2: upright.transpose(turn.FLIP_LEFT_RIGHT),
        3: upright.transpose(turn.ROTATE_180),
        4: upright.transpose(turn.FLIP_TOP_BOTTOM),
        5: upright.transpose(turn.TRANSPOSE),
        6: upright.transpose(turn.ROTATE_90),
        7: upright.transpose(turn.TRANSVERSE),
        8: upright.transpose(turn.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = read(saved(stored, form, exif=exif))
    assert picture.size == (32, 16)
    np.testing.assert_allclose(np.asarray(picture)[4, 6], [255, 0, 0], atol=20)
    for x, y in ((6, 12), (26, 4), (26, 12)):
        np.testing.assert_allclose(np.asarray(picture)[y, x], 255, atol=20)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_orientations_that_do_not_exist(read, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    assert read(saved(noise(), "JPEG", exif=exif)).size == (24, 20)


def test_absurd_metadata_is_no_reason_to_refuse(read):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 900_000, zip=True)
    for content in (
        saved(noise(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"),
        saved(noise(), "JPEG", exif=b"Exif\x00\x00" + bytes(range(256)) * 8),
        saved(noise(), "JPEG", icc_profile=b"no profile", comment=b"\xff" * 60_000, dpi=(65_535, 1)),
        saved(noise(), "PNG", pnginfo=text, icc_profile=b"\x00" * 99),
        saved(noise(), "PNG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff"),
        saved(noise(), "WEBP", exif=b"\x00", xmp=b"<"),
        saved(noise(), "TIFF", tiffinfo={270: "\x00" * 10_000, 305: "é" * 999}),
    ):
        assert read(content).size == (24, 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 1), (2, 3)])
def test_extreme_sizes(read, size):
    assert read(saved(Image.new("RGB", size, "red"), "PNG")).size == size
    assert read(saved(Image.new("RGB", size, "red"), "JPEG"), at_least=128).getpixel((0, 0))[0] > 250


def test_large_jpegs_are_decoded_smaller_where_that_is_enough(read):
    content = saved(Image.new("RGB", (1600, 900), (0, 128, 255)), "JPEG")
    assert read(content).size == (1600, 900)
    assert read(content, at_least=256).size == (800, 450)
    np.testing.assert_allclose(np.asarray(read(content, 128)).mean(axis=(0, 1)), [0, 128, 255], atol=2)
