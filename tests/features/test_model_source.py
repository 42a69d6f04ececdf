"""Checksums of folders, and downloads that are given up."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hetmusic.features.model_source import folder_checksum, network_patience, one_line


def test_a_checksum_is_of_names_and_contents_in_any_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    first = folder_checksum(tmp_path, [one, two])
    assert first == folder_checksum(tmp_path, [two, one])
    assert len({first, folder_checksum(tmp_path, [one])}) == 2
    two.write_bytes(b"1")
    changed = folder_checksum(tmp_path, [one, two])
    two.rename(tmp_path / "three")
    assert len({first, changed, folder_checksum(tmp_path, [one, tmp_path / "three"])}) == 3


def test_patience_ends_with_the_block() -> None:
    inside = []

    def fail() -> None:
        with network_patience(7.0):
            inside.append(socket.getdefaulttimeout())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [7.0]
    assert socket.getdefaulttimeout() is None


def test_errors_of_libraries_become_a_line() -> None:
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 900))) == 200
