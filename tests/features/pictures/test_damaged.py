"""Pictures that are cut short, damaged, too large or no pictures at all, and threads that read them."""

from __future__ import annotations

import contextlib
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from hetmusic.features import pictures
from hetmusic.features.extractor import Absent
from hetmusic.features.pictures import read_picture
from tests.features.pictures.files import FORMATS, available, noise, saved


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
