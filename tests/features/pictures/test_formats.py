"""Reading covers of every kind, whole and broken."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hetmusic.features import pictures
from hetmusic.features.extractor import Absent
from hetmusic.features.pictures import read_picture
from tests.features.pictures.files import FORMATS, REFUSED, available, noise, saved


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read(read, form):
    if not available(form):
        pytest.skip(f"this Pillow does not write {form}")
    white = Image.new("L", (24, 20), 255).convert(FORMATS[form])
    picture = read(saved(white, form))
    assert (picture.mode, picture.size) == ("RGB", (24, 20))
    assert np.asarray(picture).min() >= 254


@pytest.mark.parametrize("form", REFUSED)
def test_formats_that_are_refused(read, form):
    with pytest.raises(Absent, match="not a readable picture"):
        read(saved(noise(REFUSED[form]), form))


def test_every_format_that_pillow_writes_is_tested():
    Image.init()
    # these write nothing without a handler of another package
    stubs = {"BUFR", "GRIB", "HDF5", "WMF"}
    # kept in the lists above though an older Pillow, or one built without a library, lacks it
    assert set(Image.SAVE) - stubs <= set(FORMATS) | set(REFUSED)


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "GIF"),
        ("RGBA", "PNG"),
        ("RGBX", "TIFF"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("F", "TIFF"),
        ("I", "TIFF"),
    ],
)
def test_white_is_white_in_every_mode(read, mode, form):
    white = Image.new("L", (9, 7), 255).convert(mode)
    assert np.asarray(read(saved(white, form))).min() >= 254


def test_lab_by_hand(read):
    # CIE: L* = 100 is white, L* = 0 black; 53.24, 80.09, 67.20 is sRGB's red. Pillow keeps L* in 0..255 and a*,
    # b* as signed bytes
    for (light, a, b), rgb in {
        (255, 0, 0): (255, 255, 255),
        (0, 0, 0): (0, 0, 0),
        (round(53.24 * 2.55), 80, 67): (255, 0, 0),
    }.items():
        picture = Image.new("LAB", (4, 4), (light, a + 128, b + 128))
        content = saved(picture, "TIFF")
        assert Image.open(io.BytesIO(content)).mode == "LAB"
        np.testing.assert_allclose(np.asarray(read(content))[0, 0], rgb, atol=12)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG2000"])
def test_sixteen_bits_are_scaled(read, form):
    values = np.array([[0, 257, 32_896, 65_535]] * 8, dtype=np.uint16)
    picture = read(saved(Image.fromarray(values), form))
    np.testing.assert_allclose(np.asarray(picture)[0, :, 0], [0, 1, 128, 255], atol=1)


def test_ranges_without_a_bound(read):
    def grey(values: list[float], dtype: type) -> list[int]:
        content = saved(Image.fromarray(np.array([values] * 3, dtype=dtype)), "TIFF")
        return np.asarray(read(content))[0, :, 0].tolist()

    assert grey([0, 0.2, 1], np.float32) == [0, 51, 255]
    assert grey([0, 51, 255], np.float32) == [0, 51, 255]
    assert grey([-3, 13_107, 65_535], np.float32) == [0, 51, 255]
    assert grey([0, 200_000, 1_000_000], np.float32) == [0, 51, 255]
    assert grey([np.nan, -np.inf, 1], np.float32) == [0, 0, 255]
    assert grey([0, 51, 255], np.int32) == [0, 51, 255]
    assert grey([-7, 200_000, 1_000_000], np.int32) == [0, 51, 255]
    assert grey([0, 0, 0], np.int32) == [0, 0, 0]
    # a file of 16 bits is no brighter for using only the lowest ones
    assert (
        pictures._largest_value("I", "PNG", 200.0) == pictures._largest_value("I;16", "TIFF", 200.0) == 65_535
    )


def test_transparency_becomes_white(read):
    clear = Image.new("RGBA", (6, 6), (255, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 255, 255))
    clear.putpixel((1, 0), (0, 0, 0, 128))
    for form in ("PNG", "TIFF"):
        got = np.asarray(read(saved(clear, form)))
        assert got[0, 0].tolist() == [0, 0, 255]
        np.testing.assert_allclose(got[0, 1], 127, atol=1)
        assert got[1:].min() == 255
    assert np.asarray(read(saved(clear, "WEBP", lossless=True)))[1:].min() == 255


def test_transparent_values_without_an_alpha_channel(read):
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([9, 9, 9, 255, 0, 0])
    palette.putpixel((0, 0), 0)
    # a palette with transparency by index, and with an alpha value for each of its colours
    for clear in (1, bytes([255, 0])):
        got = np.asarray(read(saved(palette, "PNG", transparency=clear)))
        assert got[0, 0].tolist() == [9, 9, 9]
        assert got[1:].min() == 255
    assert np.asarray(read(saved(palette, "GIF", transparency=1)))[1:].min() == 255
    colour = Image.new("RGB", (4, 4), (1, 2, 3))
    assert np.asarray(read(saved(colour, "PNG", transparency=(1, 2, 3)))).min() == 255
    deep = Image.fromarray(np.array([[700, 65_535, 0]], dtype=np.uint16))
    assert np.asarray(read(saved(deep, "PNG", transparency=700)))[0, :, 0].tolist() == [255, 255, 0]


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "LAB", "RGBX", "HSV"]


@settings(max_examples=120, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    form=st.sampled_from(sorted(FORMATS.keys() - {"PCX"})),  # older Pillows cut a row of one pixel short
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    seed=st.integers(0, 9),
)
def test_what_pillow_writes_is_read(tmp_path_factory, mode, form, width, height, seed):
    picture = noise("L", width, height, seed)
    picture = Image.fromarray(np.asarray(picture, np.uint16) * 257) if mode == "I;16" else picture
    picture = picture if mode == "I;16" else picture.convert("RGB").convert(mode)
    try:
        content = saved(picture, form)
    except (OSError, ValueError, KeyError):  # this format has no such mode
        return
    path = tmp_path_factory.mktemp("any") / "cover"
    path.write_bytes(content)
    got = read_picture(path)
    assert (got.mode, got.size) == ("RGB", (width, height))
    if mode in {"L", "RGB", "RGBA", "RGBX"} and form in {"PNG", "TIFF", "BMP", "TGA", "QOI", "SGI", "PPM"}:
        np.testing.assert_array_equal(np.asarray(got)[..., 0], np.asarray(noise("L", width, height, seed)))
