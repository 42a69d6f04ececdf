"""Small parts of HDF5 files from anywhere: what they may hold is checked before it is read."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hetmusic.graph.raw.many.parsing import BadFileError

# HDF5 unpacks whole chunks, so that the size of these is limited as well
_CHUNK_BYTES = 1 << 26
_RECORD_BYTES = 1 << 20
_NUMBERS = "iuf"
_LAYOUTS = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file with the low-level interface, which takes a tenth of the time for files of this size.

    :raises BadFileError: if it is no HDF5 file, cut off, or turns out to be damaged inside the block.
    """
    try:
        file = h5py.h5f.open(str(path).encode("utf-8", "surrogateescape"), h5py.h5f.ACC_RDONLY)
    except (OSError, RuntimeError, ValueError):
        raise BadFileError("no HDF5 file, or one that is cut off") from None
    try:
        yield file
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, NotImplementedError):
        raise BadFileError("damaged HDF5 file") from None
    finally:
        with contextlib.suppress(RuntimeError):
            file.close()


def open_dataset(file: Any, group: str, name: str) -> Any:
    """A dataset that lies in the file itself, in pieces that fit into the memory.

    :raises BadFileError: if there is none.
    """
    where = f"/{group}/{name}"
    parent = file
    for part in (group, name):
        if part.encode() not in parent:
            raise BadFileError(f"no {where}")
        if parent.links.get_info(part.encode()).type != h5py.h5l.TYPE_HARD:
            raise BadFileError(f"{where} is a link to somewhere else")
        parent = h5py.h5o.open(parent, part.encode())
        if part == group and not isinstance(parent, h5py.h5g.GroupID):
            raise BadFileError(f"/{group} is no group")
    if not isinstance(parent, h5py.h5d.DatasetID):
        raise BadFileError(f"{where} is no table")
    plist = parent.get_create_plist()
    if plist.get_layout() not in _LAYOUTS or plist.get_external_count():
        raise BadFileError(f"{where} lies outside of the file")
    if plist.get_layout() == h5py.h5d.CHUNKED:
        size = math.prod(plist.get_chunk()) * parent.get_type().get_size()
        if size > _CHUNK_BYTES:
            raise BadFileError(f"{where} has pieces of more than {_CHUNK_BYTES:,} bytes")
    return parent


class Record:
    """Some fields of a table with one row; the type of the table is analysed once for all files that share it."""

    def __init__(self, group: str, name: str, fields: Sequence[str]) -> None:
        self._place = (group, name)
        self._fields = tuple(fields)
        self._type: Any = None
        self._memory: tuple[np.dtype[Any], Any] | None = None

    def read(self, file: Any) -> tuple[Any, ...]:
        """The values in the order of the fields: bytes, int or float.

        :raises BadFileError: if there is no such table with one row and these fields.
        """
        data = open_dataset(file, *self._place)
        where = "/".join(("", *self._place))
        if data.shape != (1,):
            raise BadFileError(f"{where} does not have one row")
        found = data.get_type()
        if self._type is None or not self._type.equal(found):
            self._memory = self._analyse(found, where)
            self._type = found
        assert self._memory is not None
        dtype, memory = self._memory
        row = np.zeros(1, dtype)
        data.read(h5py.h5s.ALL, h5py.h5s.ALL, row, memory)
        return tuple(row[0].item())

    def _analyse(self, found: Any, where: str) -> tuple[np.dtype[Any], Any]:
        if not isinstance(found, h5py.h5t.TypeCompoundID) or found.get_size() > _RECORD_BYTES:
            raise BadFileError(f"{where} is no table of fields")
        dtype = found.dtype
        for field in self._fields:
            if field not in (dtype.names or ()):
                raise BadFileError(f"{where} has no field {field!r}")
            if dtype[field].kind not in "S" + _NUMBERS or dtype[field].shape:
                raise BadFileError(f"{where}: field {field!r} is neither text nor number")
        wanted = np.dtype([(field, dtype[field]) for field in self._fields])
        return wanted, h5py.h5t.py_create(wanted)


def read_matrix(file: Any, group: str, name: str, width: int, most: int) -> NDArray[np.float64]:
    """A table of numbers.

    :param most: rows that it may have.
    :return: shape ``(rows, width)``.
    :raises BadFileError: if there is none of that width, or with too many rows.
    """
    data = open_dataset(file, group, name)
    where = f"/{group}/{name}"
    if len(data.shape) != 2 or data.shape[1] != width:
        raise BadFileError(f"{where} does not have {width} columns")
    if data.shape[0] > most:
        raise BadFileError(f"{where} has more than {most:,} rows")
    if not isinstance(data.get_type(), (h5py.h5t.TypeFloatID, h5py.h5t.TypeIntegerID)):
        raise BadFileError(f"{where} does not hold numbers")
    values = np.zeros(data.shape, np.float64)
    if values.size:
        data.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values
