"""What is expensive is computed once for the same vectors and settings, and never half written."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from hetmusic.report import ReportSettings, open_source
from hetmusic.report.kept import kept

VALUES = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def source(run_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HETMUSIC_CACHE", str(tmp_path / "cache"))
    return open_source(run_folder)


class Counted:
    """Gives the same array, and counts how often."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return VALUES + 1


def test_computed_once(source):
    compute = Counted()
    for _ in range(2):
        assert kept(source, "map", VALUES, {"seed": 0}, compute).tolist() == (VALUES + 1).tolist()
    assert compute.times == 1
    (file,) = (source.path / "report").iterdir()
    assert file.name.startswith("map-")
    assert np.load(file, allow_pickle=False).tolist() == (VALUES + 1).tolist()


@pytest.mark.parametrize("change", ["values", "shape", "settings"])
def test_of_something_else_it_is_computed_anew(source, change):
    compute = Counted()
    kept(source, "map", VALUES, {"seed": 0}, compute)
    values = {"values": VALUES + 1, "shape": VALUES.reshape(2, 3)}.get(change, VALUES)
    kept(source, "map", values, {"seed": int(change == "settings")}, compute)
    assert compute.times == 2
    assert len(list((source.path / "report").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"no array at all"])
def test_a_damaged_file_is_made_again(source, content, caplog):
    compute = Counted()
    kept(source, "map", VALUES, {}, compute)
    (file,) = (source.path / "report").iterdir()
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert kept(source, "map", VALUES, {}, compute).tolist() == (VALUES + 1).tolist()
    assert str(file) in caplog.text
    assert np.load(file, allow_pickle=False).tolist() == (VALUES + 1).tolist()


@pytest.mark.parametrize("array", [VALUES.astype(np.float64), np.full((3, 2), np.nan, np.float32)])
def test_what_is_no_such_array_is_made_again(source, array):
    compute = Counted()
    kept(source, "map", VALUES, {}, compute)
    (file,) = (source.path / "report").iterdir()
    np.save(file, array)
    kept(source, "map", VALUES, {}, compute)
    assert compute.times == 2


def test_a_run_that_cannot_be_written(source, tmp_path):
    (source.path / "report").write_text("in the way", encoding="utf-8")
    compute = Counted()
    for _ in range(2):
        kept(source, "map", VALUES, {}, compute)
    assert compute.times == 1
    assert len(list((tmp_path / "cache" / "report").iterdir())) == 1


def test_nowhere_to_keep_it(source, tmp_path):
    (source.path / "report").write_text("in the way", encoding="utf-8")
    (tmp_path / "cache").write_text("in the way", encoding="utf-8")
    assert kept(source, "map", VALUES, {}, Counted()).tolist() == (VALUES + 1).tolist()


def test_no_cache(run_folder):
    source = open_source(run_folder, ReportSettings(cache=False))
    compute = Counted()
    for _ in range(2):
        kept(source, "map", VALUES, {}, compute)
    assert compute.times == 2
    assert not (run_folder / "report").exists()
