"""Arrays that are expensive to compute, kept with the run; where it cannot be written, in the cache folder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import replacing_file
from hetmusic.errors import UserError
from hetmusic.graph.raw.many.cache import cache_folder

if TYPE_CHECKING:
    from hetmusic.report.source import RunSource

_log = logging.getLogger(__name__)

#: of the run; everything in it can be made again
FOLDER = "report"


def kept(
    source: RunSource,
    name: str,
    of: NDArray[Any],
    settings: Mapping[str, Any],
    compute: Callable[[], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """What has been computed from the same values with the same settings, else compute it and keep it.

    The file is an npy array whose name has a checksum of both, so that a changed run never gets what was made of another.
    One that is damaged is made again.

    :param name: of the file, before the checksum.
    :param of: the values that it is computed from.
    """
    if not source.settings.cache:
        return compute()
    file = f"{name}-{_key(of, settings)}.npy"
    folders = [source.path / FOLDER, cache_folder() / FOLDER]
    for folder in folders:
        if (found := _read(folder / file)) is not None:
            return found
    result = compute()
    for folder in folders:
        if _written(folder / file, result):
            break
    return result


def _key(of: NDArray[Any], settings: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps([of.shape, str(of.dtype), dict(settings)], sort_keys=True).encode())
    digest.update(np.ascontiguousarray(of).tobytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> NDArray[np.float32] | None:
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as problem:
        _log.warning("%s is damaged and made again: %s", path, str(problem).split("\n")[0])
        return None
    good = isinstance(array, np.ndarray) and array.dtype == np.float32 and bool(np.isfinite(array).all())
    return array if good else None


def _written(path: Path, array: NDArray[np.float32]) -> bool:
    try:
        with replacing_file(path) as temporary, open(temporary, "wb") as stream:
            np.save(stream, array)
    except UserError as problem:
        _log.info("not kept: %s", problem)
        return False
    return True
