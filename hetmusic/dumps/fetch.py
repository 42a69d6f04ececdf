"""All files of a data set in one folder: downloaded, checked, unpacked, or named for a person to get them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hetmusic._io import explaining_failed_write, locked, sha256, with_parents
from hetmusic.dumps.download import Patience, download, mismatch
from hetmusic.dumps.unpack import unpack
from hetmusic.errors import DownloadError, did_you_mean
from kg_schema.dump import DumpSpec
from kg_schema.dump_downloads import Download

#: there: it was already; fetched: it is now; manual: a person has to get it; missing: it is not there and ``--offline``
#: forbids to get it; failed: it is not there, but not needed either
Action = Literal["there", "fetched", "manual", "missing", "failed"]


class FetchObserver:
    """Is told what happens; does nothing."""

    def on_start(self, file: str) -> None:
        """A download begins or goes on."""

    def on_bytes(self, file: str, done: int, total: int | None) -> None:
        """So many bytes are there, of so many if that is known."""

    def on_end(self, file: str) -> None:
        """A download ended, in whatever way."""


@dataclass(frozen=True)
class Fetched:
    """What became of one download."""

    load: Download
    action: Action
    #: bytes of the downloaded file
    size: int | None = None
    #: of the downloaded file, known if it was downloaded now or has not been unpacked
    sha256: str | None = None
    #: why it failed
    reason: str = ""

    @property
    def lacking(self) -> bool:
        """Whether the data set is incomplete without it."""
        return self.action in ("manual", "missing") and not self.load.optional


def fetch(
    spec: DumpSpec,
    folder: str | Path,
    *,
    only: Sequence[str] = (),
    offline: bool = False,
    observer: FetchObserver | None = None,
    patience: Patience | None = None,
) -> Iterator[Fetched]:
    """Get what a data set needs, one file after the other; what is there already is checked and kept.

    :param only: names of the downloads, or of what they give, that are wanted; by default all.
    :param offline: only look what is there.
    :raises DownloadError: for a needed file that cannot be had, or a file in the folder that is not what it should be.
    """
    if not spec.downloads:
        where = f"; {spec.homepage} may tell" if spec.homepage else ""
        raise DownloadError(f"{spec.name!r} does not say where its files can be downloaded{where}")
    wanted = _wanted(spec, only)
    folder = Path(folder)
    if offline and not folder.exists():
        yield from (Fetched(load, "missing") for load in wanted)
        return
    if offline and not folder.is_dir():
        raise DownloadError(f"{folder} is not a folder")
    with explaining_failed_write(folder), with_parents(folder / "any"), locked(folder):
        for load in wanted:
            yield _fetch(load, folder, offline, observer or FetchObserver(), patience or Patience())


def _wanted(spec: DumpSpec, only: Sequence[str]) -> list[Download]:
    for name in only:
        known = [known for load in spec.downloads for known in (load.file, *load.gives)]
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are {', '.join(dict.fromkeys(known))}"
            raise DownloadError(f"{spec.name!r} has no download {name!r}{hint}")
    return [load for load in spec.downloads if not only or {load.file, *load.gives} & set(only)]


def _fetch(
    load: Download, folder: Path, offline: bool, observer: FetchObserver, patience: Patience
) -> Fetched:
    target = folder / load.file
    if load.unpack and all((folder / place).exists() for place in load.gives):
        return Fetched(load, "there")
    if target.exists():
        _check(load, target)
        action: Action = "there"
    elif offline:
        return Fetched(load, "missing")
    elif load.url is None:
        return Fetched(load, "manual")
    else:
        action = "fetched"
        try:
            _download(load, target, observer, patience)
        except DownloadError as error:
            if not load.optional:
                raise
            return Fetched(load, "failed", reason=str(error))
    done = Fetched(load, action, target.stat().st_size, sha256(target))
    if load.unpack and not offline:
        unpack(target, load.unpack, folder)
        target.unlink()
    return done


def _download(load: Download, target: Path, observer: FetchObserver, patience: Patience) -> None:
    observer.on_start(load.file)
    try:
        download(load, target, lambda done, total: observer.on_bytes(load.file, done, total), patience)
    finally:
        observer.on_end(load.file)


def _check(load: Download, target: Path) -> None:
    if not target.is_file():
        raise DownloadError(f"{target} is not a file")
    if (wrong := mismatch(load, target)) is not None:
        raise DownloadError(f"{target} is there, but {wrong}; remove it to download it again")
