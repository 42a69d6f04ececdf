"""Raw files that are made to hang a reader or to fill its memory, at full size: each has to end in one line of error."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

from measuring import measure

_GIGABYTE = 1 << 30
_CHUNK = 1 << 20
_MEMBER = 1 << 26
_ROW = b"user\tSOAKIMP12A8C130995\t1\n"
_NAME = "train_triplets.txt"
_BUILD = """
import sys
from hetmusic.errors import UserError
from hetmusic.graph.build import build_graph
try:
    build_graph("taste-profile", sys.argv[1], sys.argv[2])
except UserError as error:
    print("error:", error)
else:
    sys.exit("it was built")
"""


def _chunks(text: bytes, size: int) -> Iterator[bytes]:
    block = text * (_CHUNK // len(text))
    for _ in range(size // len(block)):
        yield block


def one_line(folder: Path) -> None:
    """A gigabyte without a line break."""
    with open(folder / _NAME, "wb") as stream:
        stream.writelines(_chunks(b"a", _GIGABYTE))


def one_line_after_rows(folder: Path) -> None:
    """The same behind rows that are as they should be."""
    with open(folder / _NAME, "wb") as stream:
        stream.writelines(_chunks(_ROW, 1 << 25))
        stream.writelines(_chunks(b"a", _GIGABYTE))
        stream.write(b"\n")


def _gzip(path: Path, text: bytes, size: int) -> None:
    """A file of several members, all of which are the same."""
    member = gzip.compress(b"".join(_chunks(text, _MEMBER)))
    with open(path, "wb") as stream:
        stream.writelines(repeat(member, size // _MEMBER))


def gzip_bomb(folder: Path) -> None:
    """Ten gigabytes of rows in a few dozen megabytes."""
    _gzip(folder / f"{_NAME}.gz", _ROW, 10 * _GIGABYTE)


def gzipped_line(folder: Path) -> None:
    """A gigabyte without a line break in a megabyte."""
    _gzip(folder / f"{_NAME}.gz", b"a", _GIGABYTE)


def zip_bomb(folder: Path) -> None:
    """A gigabyte of rows in a zip file that says how large they are."""
    with (
        zipfile.ZipFile(folder / f"{_NAME}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(_NAME, "w", force_zip64=True) as stream,
    ):
        for chunk in _chunks(_ROW, _GIGABYTE):
            stream.write(chunk)


def nothing_but_nul(folder: Path) -> None:
    """A gigabyte of zeros, which takes no room on the disk."""
    with open(folder / _NAME, "wb") as stream:
        stream.truncate(_GIGABYTE)


def blank_lines(folder: Path) -> None:
    """A quarter of a gigabyte of line breaks."""
    with open(folder / _NAME, "wb") as stream:
        stream.writelines(_chunks(b"\n", _GIGABYTE >> 2))


CASES: list[Callable[[Path], None]] = [
    one_line,
    one_line_after_rows,
    gzip_bomb,
    gzipped_line,
    zip_bomb,
    nothing_but_nul,
    blank_lines,
]


def hostile(scratch: Path) -> None:
    """Print the error, the time and the memory of each case."""
    print("| file | MB | seconds | peak MB | what is said |\n|---|---|---|---|---|")
    for case in CASES:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            case(Path(folder))
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
            found = measure(["-c", _BUILD, folder, str(Path(folder) / "graph")])
        what = found.output.strip().replace(folder, "").replace("|", "\\|")
        assert what.startswith("error: "), what
        assert "\n" not in what, what
        print(
            f"| {case.__name__.replace('_', ' ')} | {size:,.0f} | {found.seconds:.1f} | {found.peak_mb:,.0f} | `{what}` |",
            flush=True,
        )
