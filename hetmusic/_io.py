"""Files that are either the old ones or the new ones, never half: written beside and renamed into place."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hetmusic.errors import UserError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_CHUNK = 1 << 20

#: top-level packages that write files in native code
_NATIVE_WRITERS = {"polars", "safetensors"}


def sha256(path: Path) -> str:
    """Hex SHA-256 digest of a file, read in chunks of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def explaining_failed_write(path: Path) -> Iterator[None]:
    """Turn a refused write (disk full, read-only, no folder) inside the block into a :class:`UserError`.

    Libraries that write files themselves report it by errors of their own; while they write, these mean the disk.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {_reason(error)}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _NATIVE_WRITERS:
            raise
        raise UserError(f"cannot write {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else f"is the disk full? ({' '.join(str(error).split())})"


@contextlib.contextmanager
def with_parents(path: Path) -> Iterator[None]:
    """Make the folders that ``path`` lies in; if the block fails, those that were made and are empty go again."""
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that becomes ``path`` when the block ends without an error.

    :raises UserError: if the folder cannot be written (read-only, disk full, not a folder).
    """
    path = Path(path)
    with explaining_failed_write(path), with_parents(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with open(temporary, "rb") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path, *, overwrite: bool = False, mark: str | None = None) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that becomes ``path`` when the block ends without an error.

    :param overwrite: replace an existing folder; otherwise its presence is an error.
    :param mark: a file that tells the folders that may be replaced from others; None if the caller has checked.
    :raises UserError: if ``path`` exists and must not be replaced, or the parent cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise UserError(f"{path} already exists; choose another --out or pass --overwrite")
    if path.exists() and mark is not None and not (path / mark).is_file():
        raise UserError(f"{path} is not replaced, since it is something else: it has no {mark}")
    with explaining_failed_write(path), with_parents(path):
        _remove_abandoned(path)
        with _own_folder(path) as temporary:
            try:
                yield temporary
                temporary.chmod(0o777 & ~_umask())
                _move_into_place(temporary, path)
            except UserError as error:  # the user knows nothing of the temporary folder
                raise type(error)(str(error).replace(str(temporary), str(path))) from error


@contextlib.contextmanager
def _own_folder(path: Path) -> Iterator[Path]:
    """Make a temporary folder beside ``path`` that is locked as long as the process lives.

    It gets the name that others look for once it is locked, so that nobody takes it for abandoned.
    """
    with contextlib.ExitStack() as lock:
        temporary = _locked_folder(path, lock)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _locked_folder(path: Path, lock: contextlib.ExitStack, attempts: int = 3) -> Path:
    """The folder of :func:`_own_folder`; what it is locked with is left to the caller."""
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))
    try:
        with contextlib.ExitStack() as taken:
            taken.enter_context(locked(made))
            temporary = made.replace(made.with_suffix(".tmp"))
            lock.push(taken.pop_all())
            return temporary
    except (FileNotFoundError, UserError):
        # another process took it for abandoned before it was locked
        if attempts == 1:
            raise
        return _locked_folder(path, lock, attempts - 1)


def _remove_abandoned(path: Path) -> None:
    """Remove temporary folders of killed processes that were to become ``path``."""
    if fcntl is None:
        return
    for suffix, remove in ((".tmp", _remove_tree), (".new", Path.rmdir)):
        for found in sorted(path.parent.glob(f".{glob.escape(path.name)}.*{suffix}")):
            if not found.is_symlink() and found.is_dir():
                with contextlib.suppress(OSError, UserError), locked(found):
                    remove(found)


def _remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _move_into_place(temporary: Path, path: Path) -> None:
    """Give a folder its name. What had that name is gone afterwards, or where ``temporary`` was, to be removed there."""
    if not path.exists():
        temporary.replace(path)
        return
    if _exchanged(temporary, path):
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
    path.replace(old / path.name)
    temporary.replace(path)
    shutil.rmtree(old, ignore_errors=True)


def _exchanged(first: Path, second: Path) -> bool:
    """Exchange two folders in one step, so that neither name is ever without one; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2  # Linux, since glibc 2.28
    except (OSError, AttributeError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(rename(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while the block runs; the lock goes with the process, however it ends.

    :raises UserError: if another process has it.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(
        folder, os.O_RDONLY
    )  # the folder itself is locked, so that no file of its own is left behind
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise UserError(f"{folder} is in use by another process") from None
    try:
        yield
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented UTF-8 JSON with sorted keys, atomically."""
    with replacing_file(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, error: type[UserError] = UserError) -> Any:
    """Read a JSON file.

    :param error: the class to raise, with the file and position named, if it is missing or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as problem:
        raise error(f"{path} cannot be read: {problem}") from None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
