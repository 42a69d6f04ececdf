"""Texts out of data, made fit for a line of a terminal or a file: no line breaks, nothing that a terminal would obey."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text with a space for every control character."""
    return "".join(char if char.isprintable() else " " for char in text)


def escaped(text: str) -> str:
    r"""The text with control characters as escapes, such as ``\x1b``, so that they can be seen."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
