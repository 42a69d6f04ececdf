"""A file of users: one key a line."""

from __future__ import annotations

from pathlib import Path

from hetmusic.errors import DataError


def read_users(path: Path | str) -> list[str]:
    """Read user keys, one a line, UTF-8; blank lines and white space around a key are ignored.

    :return: the keys in the file's order, each once.
    :raises DataError: if the file is missing, not UTF-8 (with the line), or has no key.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(f"cannot read the users in {path}: {problem.strerror or problem}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise DataError(f"{path}: line {line} is not UTF-8") from None
    # not splitlines(), which also breaks at characters that a key may contain
    keys = dict.fromkeys(line.strip() for line in text.split("\n"))
    keys.pop("", None)
    if not keys:
        raise DataError(f"{path} names no user; it should have one key per line")
    return list(keys)
