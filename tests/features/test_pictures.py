"""Reading covers of every kind, whole and broken."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from hetmusic.features import pictures
from hetmusic.features.extractor import Absent
from hetmusic.features.pictures import read_picture

Noise = Callable[..., Image.Image]

#: formats in which a whole picture comes back, with a mode that each can hold
FORMATS = {
    "AVIF": "RGB",
    "BMP": "RGB",
    "DDS": "RGB",
    "DIB": "RGB",
    "GIF": "P",
    "JPEG": "RGB",
    "JPEG2000": "RGB",
    "MPO": "RGB",
    "MSP": "1",
    "PCX": "RGB",
    "PNG": "RGB",
    "PPM": "RGB",
    "QOI": "RGB",
    "SGI": "RGB",
    "SPIDER": "F",
    "TGA": "RGB",
    "TIFF": "RGB",
    "WEBP": "RGB",
    "XBM": "1",
}
#: formats that Pillow writes and that are refused, or that it cannot read itself
REFUSED = {"BLP": "P", "EPS": "RGB", "ICNS": "RGBA", "ICO": "RGB", "IM": "RGB", "PALM": "P", "PDF": "RGB"}


def noise(mode: str = "RGB", width: int = 24, height: int = 20, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        picture.save(buffer, format=form, **options)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Image.Image]:
    """Reads the bytes of a file."""

    def go(content: bytes, at_least: int | None = None) -> Image.Image:
        path = tmp_path / "cover"
        path.write_bytes(content)
        return read_picture(path, at_least)

    return go


def available(form: str) -> bool:
    """Whether this Pillow writes a format: some depend on its version and on libraries it was built with."""
    Image.init()
    return form in Image.SAVE


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


def test_bombs_are_refused_before_they_are_decoded(read, monkeypatch):
    for side in (6_000, 15_000):
        with pytest.raises(Absent, match="too many pixels"):
            read(saved(Image.new("1", (side, side)), "PNG"))
    # a header alone: 65,500 x 65,500 pixels in 30 bytes
    with pytest.raises(Absent, match="too many pixels"):
        read(b"P6 65500 65500 255\n" + bytes(12))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 479)
    with pytest.raises(Absent, match="too many pixels"):
        read(saved(noise(), "PNG"))
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    with pytest.raises(Absent, match="too large a file"):
        read(saved(noise(), "PNG"))


def test_lack_of_memory_is_no_fault_of_the_file(read, monkeypatch):
    def full(*_: object) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(pictures, "_loaded", full)
    with pytest.raises(MemoryError):
        read(saved(noise(), "PNG"))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_cut_short_keeps_its_rows(read, form):
    whole = noise(width=64, height=128)
    content = saved(whole, form, **({"quality": 95} if form == "JPEG" else {}))
    kept = read(content[: round(0.9 * len(content))])
    assert kept.width == 64
    assert 0.75 * 128 <= kept.height < 0.95 * 128
    expected = np.asarray(read(content))[: kept.height]
    # the row of blocks at the cut may lack what later ones add
    np.testing.assert_array_equal(np.asarray(kept)[:-16], expected[:-16])
    with pytest.raises(Absent, match="truncated"):
        read(content[: len(content) // 2])


def test_where_rows_do_not_come_in_order_a_cut_is_fatal(read):
    content = saved(noise(width=64, height=128), "JPEG", progressive=True)
    with pytest.raises(Absent, match="truncated"):
        read(content[:-5])
    with pytest.raises(Absent, match="truncated"):
        read(saved(noise(), "BMP")[:-5])


def test_what_is_no_picture_says_so(read, tmp_path):
    for content in (b"not a picture", b"<html><body>404</body></html>", b"\x89PNG\r\n\x1a\n", bytes(5_000)):
        with pytest.raises(Absent, match="not a readable picture"):
            read(content)
    with pytest.raises(Absent, match="empty file"):
        read(b"")
    with pytest.raises(Absent, match="no such file"):
        read_picture(tmp_path / "nowhere.png")
    with pytest.raises(Absent, match="no such file"):
        read_picture(tmp_path)


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


def damaged(good: bytes, rng: np.random.Generator, number: int) -> bytes:
    """A file with a few bytes changed (every other time in its first 80), cut, or with a piece repeated."""
    content = bytearray(good)
    for place in rng.integers(0, min(80, len(good)) if number % 2 else len(good), rng.integers(1, 9)):
        content[place] = rng.integers(256)
    if number % 3 == 0:
        return bytes(content[: rng.integers(1, len(good) + 1)])
    if number % 7 == 0:
        start = rng.integers(len(good))
        return bytes(content[:start] + content[start // 2 :])
    return bytes(content)


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_are_read_or_absent(read, form):
    """25 broken files of each format: a picture in RGB, or Absent; nothing else ever."""
    if not available(form):
        pytest.skip(f"this Pillow does not write {form}")
    good = saved(noise(FORMATS[form]), form)
    rng = np.random.default_rng(sorted(FORMATS).index(form))
    absent = 0
    for number in range(25):
        try:
            picture = read(damaged(good, rng, number))
        except Absent:
            absent += 1
        else:
            assert picture.mode == "RGB"
            assert picture.width * picture.height <= pictures.MAX_PIXELS
    assert absent > 0


def test_the_filter_stays_while_anyone_reads():
    def silent() -> bool:
        return any(
            entry[0] == "ignore" and entry[3] is not None and "PIL" in entry[3].pattern
            for entry in warnings.filters
        )

    with pictures._quiet():
        with pictures._quiet():
            assert silent()
        assert silent()
    assert not silent()


def test_threads_leave_the_warning_filters_as_they_were(tmp_path):
    (tmp_path / "odd.tif").write_bytes(saved(noise(), "TIFF")[:-40])
    (tmp_path / "good.png").write_bytes(saved(noise(), "PNG"))
    before = list(warnings.filters)

    def work() -> None:
        for _ in range(40):
            for name in ("odd.tif", "good.png"):
                with contextlib.suppress(Absent):
                    read_picture(tmp_path / name)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
    assert pictures._quiet_threads == 0
