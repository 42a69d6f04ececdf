"""Key spaces: whose ids the keys of nodes are, which is what several dumps can be joined on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import Field

from kg_schema.errors import SchemaError, did_you_mean
from kg_schema.models import SpecModel
from kg_schema.yaml_file import YamlFile

#: node types whose keys are words unless a dump numbers them -> the space of the words
WORD_SPACES = {"genre": "genre-name", "emotion": "emotion-name", "tag": "tag-text"}

_OWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[a-z][a-z0-9_]*")


class KeySpace(SpecModel):
    """Ids of one kind, given by one authority."""

    #: node type that the ids are of
    type: str
    #: what every id looks like; None = anything
    pattern: str | None = None
    description: str = ""


class _KeySpaces(SpecModel):
    spaces: dict[str, KeySpace] = Field(min_length=1)


class KeyMap(SpecModel):
    """A file whose rows hold the keys of one thing in several spaces."""

    file: str
    #: key space -> column with the key in it
    keys: dict[str, str] = Field(min_length=2)


@cache
def known_spaces() -> dict[str, KeySpace]:
    """The key spaces that several public dumps share, by name (``key_spaces.yaml``)."""
    return YamlFile.read(Path(__file__).with_name("key_spaces.yaml")).validate(_KeySpaces).spaces


def key_space(name: str, node_types: Iterable[str]) -> KeySpace:
    """The key space of that name: a known one, or one of somebody's own, which is called ``NAME/TYPE``.

    :param node_types: the types that an own space may be of.
    :raises SchemaError: if it is neither.
    """
    if name in known_spaces():
        return known_spaces()[name]
    node_type = name.rpartition("/")[2]
    if _OWN.fullmatch(name) and node_type in set(node_types):
        return KeySpace(type=node_type)
    hint = did_you_mean(name, known_spaces()) or (
        f"; known ones: {', '.join(known_spaces())}; one of your own is called NAME/TYPE, such as 'mine/song'"
    )
    raise SchemaError(f"unknown key space {name!r}{hint}")
