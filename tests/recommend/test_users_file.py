from __future__ import annotations

from pathlib import Path

import pytest

from hetmusic.errors import DataError
from hetmusic.recommend import read_users


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.txt"


def test_keys_in_order_each_once(path: Path) -> None:
    path.write_bytes("\ufeff2\r\n\r\n  4 \n2\nname with space\né\u2028x".encode())
    assert read_users(path) == ["2", "4", "name with space", "é\u2028x"]


def test_missing(path: Path) -> None:
    with pytest.raises(DataError, match=r"users\.txt: No such file"):
        read_users(path)
    with pytest.raises(DataError, match="Is a directory"):
        read_users(path.parent)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_empty(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"users\.txt names no user"):
        read_users(path)


def test_wrong_encoding(path: Path) -> None:
    path.write_bytes(b"2\n4\n\xe9\n")
    with pytest.raises(DataError, match=r"users\.txt: line 3 is not UTF-8"):
        read_users(path)
