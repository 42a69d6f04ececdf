"""YAML files whose mistakes are reported as ``file:line: key: what is wrong``.

Only plain data is read (PyYAML's safe loader). Errors, too, are keys that are given twice, of which YAML
would silently take the last, and aliases, with which a small file can expand without bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kg_schema.errors import SchemaError
from kg_schema.models import MISTAKE

#: the way to a value: mapping keys and list positions from the top of the file
Location = tuple[Any, ...]
M = TypeVar("M", bound=BaseModel)
# libyaml is several times as fast, but not part of every build of PyYAML
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 50
_LARGEST = 1 << 22
# of a value in a message
_DIGITS = 100


@dataclass(frozen=True)
class YamlFile:
    """The content of a YAML file together with the line of every key and list element."""

    #: how messages name the file
    name: str
    data: Any
    #: 1-based line of each location
    lines: Mapping[Location, int] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Read a file.

        :raises SchemaError: if it is missing, not UTF-8, not YAML, or holds a duplicate key or an alias.
        """
        try:
            with open(path, "rb") as stream:
                data = stream.read(_LARGEST + 1)
            if len(data) > _LARGEST:
                raise SchemaError(
                    f"{path} is larger than {_LARGEST:,} bytes: no such file is written by people"
                )
            text = data.decode("utf-8-sig")
        except FileNotFoundError:
            raise SchemaError(f"{path} does not exist") from None
        except UnicodeDecodeError as error:
            raise SchemaError(f"{path} is not UTF-8 (byte {error.start:,})") from None
        except OSError as error:
            raise SchemaError(f"{path} cannot be read: {error.strerror}") from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> YamlFile:
        """Read YAML from a string; ``name`` is what messages call it."""
        loader = None
        try:
            _check_events(text, name)
            loader = _LOADER(text)
            node = loader.get_single_node()
            if node is None:
                raise SchemaError(f"{name} is empty")
            lines: dict[Location, int] = {}
            _collect_lines(node, (), lines, name)
            return cls(name, loader.construct_document(node), lines)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark else ""
            reason = str(error.problem or error.context)[: 2 * _DIGITS]
            raise SchemaError(f"{name}{line}: not valid YAML: {reason}") from None
        except (yaml.YAMLError, ValueError) as error:
            raise SchemaError(f"{name}: not valid YAML: {str(error).splitlines()[0][:_DIGITS]}") from None
        finally:
            if loader is not None:
                loader.dispose()

    def line(self, location: Location) -> int:
        """The 1-based line of a location, or of the closest enclosing one that stands in the file."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def fail(self, location: Location, message: str) -> NoReturn:
        """Raise a :class:`SchemaError` that points at a location."""
        raise SchemaError(f"{self.name}:{self.line(location)}: {dotted(location)}: {message}")

    def validate(self, model: type[M]) -> M:
        """Turn the content into a pydantic model.

        :raises SchemaError: for the first mistake in the file, with the number of further ones.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            problems = sorted((self.line(place), place, text) for place, text in problems_of(error))
            _, location, message = problems[0]
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            self.fail(location, message + more)


def problems_of(error: ValidationError) -> list[tuple[Location, str]]:
    """The location and message of each mistake that pydantic found."""
    return [_problem(detail) for detail in error.errors()]


def dotted(location: Iterable[Any]) -> str:
    """A location as people write it: ``edges[0].weight``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "top level"


def _problem(detail: ErrorDetails) -> tuple[Location, str]:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    if detail["type"] == MISTAKE:
        return (*location, *detail["ctx"]["at"]), detail["msg"]
    if detail["type"] == "missing":
        return location, "this key is missing"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] != "value_error" and isinstance(detail["input"], (str, int, float)):
        message += f", not {_shown(detail['input'])}"
    return location, message


def _shown(value: str | int | float) -> str:
    """A value as people may have written it, not longer than anybody reads."""
    if isinstance(value, int) and abs(value) >= 10**_DIGITS:  # Python refuses to write very long numbers
        return "a number so long"
    text = repr(value)
    return text if len(text) <= _DIGITS else f"{text[:_DIGITS]}..."


def _check_events(text: str, name: str) -> None:
    """Refuse aliases and deep nesting before anything is built from the text."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise SchemaError(f"{name}:{line}: aliases (*{event.anchor}) are not allowed")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise SchemaError(f"{name}:{line}: more than {_DEEPEST} levels of nesting")


def _collect_lines(node: yaml.Node, location: Location, lines: dict[Location, int], name: str) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for position, child in enumerate(node.value):
            _collect_lines(child, (*location, position), lines, name)
    elif isinstance(node, yaml.MappingNode):
        for key_node, child in node.value:
            here = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise SchemaError(f"{name}:{here}: a key must be a single word, not a list or mapping")
            place = (*location, key_node.value)
            if place in lines:
                raise SchemaError(
                    f"{name}:{here}: {dotted(place)}: this key was already given on line {lines[place]}"
                )
            lines[place] = here
            _collect_lines(child, place, lines, name)
