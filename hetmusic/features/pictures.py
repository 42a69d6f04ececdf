"""Covers as files may hold them, in any format, mode and size, read as upright RGB pictures."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hetmusic.features.extractor import Absent
from hetmusic.features.light_base import require_file

if TYPE_CHECKING:
    from PIL import Image

#: pictures of more pixels are refused rather than decoded (100 MB as RGB)
MAX_PIXELS = 32_000_000
#: larger files are refused: some decoders read the whole file first
MAX_BYTES = 256_000_000
#: share of rows that a picture cut short has to have for the rest to count
MIN_ROWS = 0.75

#: formats of Pillow that are not read
_REFUSED = frozenset(
    {
        # these start another program, or have no decoder of their own
        *("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"),
        # the header does not bound what is inside: icons and textures that embed pictures, compressed tables
        *("BLP", "CUR", "FITS", "ICNS", "ICO"),
        # Pillow is about to drop it
        "IM",
    }
)

#: modes of grey values beyond 8 bits
_DEEP = frozenset(["I;16", "I;16L", "I;16B", "I;16N", "I", "F"])


def read_picture(path: Path, at_least: int | None = None) -> Image.Image:
    """Read a picture as 8-bit RGB, upright.

    What is transparent becomes white; of an animated picture or several pages the first counts; grey values
    of more than 8 bits are scaled, not cut off; EXIF's orientation is applied. A JPEG or PNG file that ends too
    early counts without its missing rows, unless they are more than a quarter.

    :param at_least: a JPEG file may be decoded at half, a quarter or an eighth of its size as long as both sides
        keep so many pixels, which takes a fraction of the time.
    :raises Absent: if it is missing, damaged or implausibly large.
    """
    from PIL import Image

    require_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise Absent("too large a file")
    try:
        with _quiet(), Image.open(path, formats=_formats()) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Absent("too many pixels")
            if at_least is not None:
                picture.draft(None, (at_least, at_least))
            return _upright(_flat(_loaded(picture), picture.format), _orientation(picture))
    except Image.DecompressionBombError:
        raise Absent("too many pixels") from None
    except (Absent, MemoryError):
        raise
    # decoders of damaged files raise nearly anything
    except Exception as error:
        raise Absent("not a readable picture") from error


def _loaded(picture: Image.Image) -> Image.Image:
    """Decode a picture; one cut short without the rows that are missing."""
    try:
        picture.load()
    except OSError as error:
        if "truncated" not in str(error).lower():
            raise
        return _rows_before_the_cut(picture)
    return picture


def _rows_before_the_cut(picture: Image.Image) -> Image.Image:
    """What could be decoded before the file ended.

    Only where rows come from top to bottom; the decoder leaves zeros below. Pillow has a switch for
    this as well, but it is one for the whole process and keeps any number of missing rows.
    """
    if picture.format not in {"JPEG", "PNG"} or picture.info.get("interlace"):
        raise Absent("truncated")
    picture.tile = []  # type: ignore[attr-defined]  # nothing more to decode
    box = picture.getbbox(alpha_only=False)
    if box is None or box[3] < MIN_ROWS * picture.height:
        raise Absent("truncated")
    return picture.crop((0, 0, picture.width, box[3]))


def _orientation(picture: Image.Image) -> int:
    """EXIF's orientation of a loaded picture, 1 where it says nothing sensible."""
    from PIL import ExifTags

    try:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # metadata may be as broken as it likes: the picture counts
        return 1
    return value if isinstance(value, int) else 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn or mirror a picture stored in one of EXIF's eight orientations."""
    from PIL.Image import Transpose

    methods = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture.transpose(methods[orientation]) if orientation in methods else picture


def _flat(picture: Image.Image, form: str | None) -> Image.Image:
    """Bring any mode to RGB, on white where there is transparency.

    :param form: Pillow's name of the file's format.
    """
    from PIL import Image

    if picture.mode in _DEEP:
        picture = _eight_bits(picture, form)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


def _eight_bits(picture: Image.Image, form: str | None) -> Image.Image:
    """Scale grey values of 16 bits, 32 bits or floating point to 8 bits, keeping a transparent value."""
    from PIL import Image

    with np.errstate(invalid="ignore"):  # NaN that signal
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0.0, neginf=0.0)
    top = _largest_value(picture.mode, form, float(values.max(initial=0.0)))
    grey = Image.fromarray(np.rint(np.clip(values / top, 0.0, 1.0) * 255.0).astype(np.uint8))
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _largest_value(mode: str, form: str | None, found: float) -> float:
    """What stands for white.

    :param found: the largest value in the picture. Where neither mode nor format bounds the values, white is the
        end of the smallest usual range that holds it.
    """
    if mode.startswith("I;16") or (mode == "I" and form in {"PNG", "PPM", "JPEG2000"}):
        return 65_535.0
    usual = (255.0, 65_535.0) if mode == "I" else (1.0, 255.0, 65_535.0)
    return next((bound for bound in usual if found <= bound), found)


@functools.cache
def _formats() -> tuple[str, ...]:
    """The formats that Pillow reads here, plug-ins of other packages included."""
    from PIL import Image

    Image.init()
    return tuple(name for name in Image.ID if name not in _REFUSED)


_quiet_lock = threading.Lock()
_quiet_threads = 0
_loud: warnings.catch_warnings[None] | None = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Pillow, which warns about odd metadata and about sizes (checked here).

    Warning filters belong to the process, and pictures are read by several threads: the first one to come
    sets the filter and the last one to leave restores what was before.
    """
    global _quiet_threads, _loud
    with _quiet_lock:
        if _quiet_threads == 0:
            _loud = warnings.catch_warnings()
            _loud.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _quiet_threads += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_threads -= 1
            if _quiet_threads == 0 and _loud is not None:
                _loud.__exit__(None, None, None)
                _loud = None
