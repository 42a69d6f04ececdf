"""Writing that fails: an error that names the file, and nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
from collections.abc import Iterator

import numpy as np
import pytest

from tests.cli.conftest import SMALL
from tests.cli.place import BUILD, FIT, IMPORT, nothing
from tests.cli.running import hetmusic, snapshot

KEYS = "".join(f"s{number:02d}\n" for number in range(1, 41))

WRITING = {
    "synth": ("synth --out {at}/out --set users=10 --set songs=30 --set artists=5 --set listens_per_user=9", nothing),
    "build": (BUILD, nothing),
    "build over": (BUILD.replace("{at}/out", "{graph}") + " --overwrite", nothing),
    "import": (IMPORT, lambda place: place.vectors(np.ones((40, 40), np.float32), KEYS)),
    "fit": (FIT + " " + " ".join(SMALL), nothing),
    "export dgl": ("export {graph} --to dgl --out {at}/out", nothing),
    "export csv": ("export {graph} --to csv --out {at}/out", nothing),
    "export graphml": ("export {graph} --to networkx --out {at}/out.graphml", nothing),
    "export json": ("export {graph} --to networkx --out {at}/out.json", nothing),
    "evaluate": ("evaluate {run} --save {at}/saved", nothing),
}  # fmt: skip


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Writing beyond ``size`` bytes of any file fails, in native code, too; no privilege is above it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [0, 100, 1000, 2500])
@pytest.mark.parametrize("name", WRITING)
def test_writing_fails_in_the_middle(name, limit, place):
    command, prepare = WRITING[name]
    prepare(place)
    before = snapshot(place.at)
    with largest_file(limit):
        done = hetmusic(*place.words(command))
    after = snapshot(place.at)
    if done.status == 0:
        return  # all files were smaller
    assert f"cannot write {place.at}" in done.error
    assert not [path for path in after if ".tmp" in path or ".old" in path]
    if name == "fit" and after != before:  # training had begun: the run says that it is not finished
        assert "hetmusic fit --resume" in hetmusic("evaluate", place.at / "out").error
    else:
        assert after == before


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("name", WRITING)
def test_disk_full_or_read_only(name, problem, place, monkeypatch):
    command, prepare = WRITING[name]
    prepare(place)
    before = snapshot(place.at)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(problem, os.strerror(problem), str(place.at))

    for function in ("tempfile.mkstemp", "tempfile.mkdtemp"):
        monkeypatch.setattr(function, refuse)
    done = hetmusic(*place.words(command))
    assert os.strerror(problem) in done.error
    assert "cannot write" in done.error
    assert snapshot(place.at) == before


def test_disk_full_while_training(place, monkeypatch):
    """The run keeps the last whole epoch, says how to go on, and goes on when there is space again."""
    from hetmusic.training.checkpoint import StateFolder

    save, calls = StateFolder.save, []

    def full(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(StateFolder, "save", full)
        error = hetmusic("fit", place.graph, "--out", place.at / "out", "--epochs", 3, *SMALL).error
    assert "No space left on device" in error
    hetmusic("fit", "--resume", place.at / "out", "--quiet").succeeded()
    epochs = [
        json.loads(line)["epoch"] for line in (place.at / "out" / "history.jsonl").read_text().splitlines()
    ]
    assert epochs == [0, 1, 2]
