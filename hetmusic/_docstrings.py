"""What docstrings say about a class and its arguments, in reStructuredText fields or in numpy's sections."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

#: a heading of numpy's style and the rule under it
_SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}[ ]*\n", re.MULTILINE)
#: fields, of which roles such as :math: at the start of a line are none
_FIELD = re.compile(r"^\s*:(param|type|returns?|rtype|raises)\s*(\w*):", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+) ?:(?: (.*))?\n((?:[ \t]+.*\n?|\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Said:
    """What is said about an argument."""

    text: str
    #: its type in words, where the docstring names one
    type: str = ""


def description(cls: type) -> str:
    """The docstring of a class up to where its arguments, notes or examples begin."""
    text = inspect.cleandoc(cls.__doc__ or "")
    ends = [found.start() for found in (_SECTION.search(text), _FIELD.search(text)) if found]
    return text[: min(ends, default=len(text))].strip()


def said_of_arguments(cls: type) -> dict[str, Said]:
    """What the docstrings of a class and its constructor say of arguments by name, the class first."""
    found: dict[str, Said] = {}
    for text in (cls.__init__.__doc__, cls.__doc__):  # type: ignore[misc]
        plain = inspect.cleandoc(text or "")
        found |= _numpy(plain) | _fields(plain)
    return found


def _fields(text: str) -> dict[str, Said]:
    parts = _FIELD.split(text)
    fields = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {name: Said(_first_paragraph(rest)) for field, name, rest in fields if field == "param"}


def _numpy(text: str) -> dict[str, Said]:
    parts = _SECTION.split(text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    entries = _ENTRY.finditer(sections.get("Parameters", ""))
    return {e[1]: Said(_first_paragraph(e[3]), re.sub(r",? *optional\.?", "", e[2] or "")) for e in entries}


def _first_paragraph(text: str) -> str:
    return " ".join(re.split(r"\n[ \t]*\n", text.strip())[0].split())
