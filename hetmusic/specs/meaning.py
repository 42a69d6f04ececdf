"""What the columns of tables mean: whose keys and names, how often, when; by their names, then by their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from hetmusic.specs.look import Column, Table
from hetmusic.specs.roles import Role, entities_in, role_of
from kg_schema.key_spaces import known_spaces

#: what is recommended, likelier first
ITEMS = ("song", "artist", "album")
_OVERLAP = 0.9
_FEWEST = 3


@dataclass
class Meaning:
    """What the columns of one table mean."""

    table: Table
    #: node type -> column with its keys
    keys: dict[str, str] = field(default_factory=dict)
    #: node type -> column with the keys of another node of the type
    others: dict[str, str] = field(default_factory=dict)
    #: node type -> column with its names
    names: dict[str, str] = field(default_factory=dict)
    #: plays, rating, time, similarity -> column
    measures: dict[str, str] = field(default_factory=dict)
    #: columns of year, month and day
    date: tuple[str, str, str] | None = None
    #: node type of which each row is one node
    own: str = ""
    #: column -> why its meaning is doubtful
    doubts: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> set[str]:
        """All columns that mean something."""
        parts = (self.keys, self.others, self.names, self.measures)
        return {column for found in parts for column in found.values()} | set(self.date or ())

    def column(self, name: str) -> Column:
        """One of the table's columns."""
        return self.table.columns[name]

    @property
    def item(self) -> str:
        """What of it could be recommended, likeliest first; empty if nothing."""
        return next((kind for kind in ITEMS if kind in self.keys), "")


def understand(tables: Sequence[Table]) -> list[Meaning]:
    """The meaning of each table."""
    found = [_by_names(table) for table in tables]
    for meaning in found:
        _by_patterns(meaning)
    for meaning in found:
        _by_overlap(meaning, found)
    _by_position(found)
    for meaning in found:
        meaning.own = _own(meaning)
    return found


def _by_names(table: Table) -> Meaning:
    meaning = Meaning(table)
    speaks_of = entities_in(_called(table))
    about = speaks_of[0] if len(speaks_of) == 1 else ""
    roles = {name: role_of(name) for name in table.columns}
    _find_measures(meaning, roles)
    by_entity: dict[str, list[tuple[int, str]]] = {}
    for name, role in roles.items():
        entity = role.entity or (about if role.is_id or role.is_name else "")
        if not entity or name in meaning.used or role.is_more or meaning.column(name).kind == "blank":
            continue
        if role.is_other and entity not in meaning.others:
            meaning.others[entity] = name
        else:
            by_entity.setdefault(entity, []).append((2 if role.is_name else 0 if role.is_id else 1, name))
    for entity, candidates in by_entity.items():
        rank, key = min(candidates, key=lambda pair: pair[0])
        meaning.keys[entity] = key
        named = [name for other, name in candidates if name != key and other > 0]
        if named or rank > 0:
            meaning.names[entity] = named[0] if named else key
        again = [name for other, name in candidates if name != key and other == rank == 0]
        if again and entity not in meaning.others and entity == "user":
            meaning.others[entity] = again[0]
    for entity in [entity for entity in meaning.others if entity not in meaning.keys]:
        meaning.keys[entity] = meaning.others.pop(entity)
    return meaning


def _find_measures(meaning: Meaning, roles: dict[str, Role]) -> None:
    numbers = ("int", "float")
    for name, role in roles.items():
        column = meaning.column(name)
        fits = column.time_unit is not None if role.measure == "time" else column.kind in numbers
        if role.measure in ("plays", "rating", "time", "similarity") and fits:
            meaning.measures.setdefault(role.measure, name)
    parts = [
        name for part in ("year", "month", "day") for name, role in roles.items() if role.measure == part
    ]
    if len(parts) == 3 and all(meaning.column(part).kind == "int" for part in parts):
        meaning.date = (parts[0], parts[1], parts[2])
    for name in roles:
        column = meaning.column(name)
        if column.kind == "iso" and "time" not in meaning.measures and not meaning.date:
            meaning.measures["time"] = name
            meaning.doubts[name] = "its values look like times"


def _by_patterns(meaning: Meaning) -> None:
    """Keys that show what they are, such as those of the Million Song Dataset, or ``user_000001``."""
    for name, column in meaning.table.columns.items():
        if name in meaning.used or column.kind != "text":
            continue
        for space, known in known_spaces().items():
            if known.pattern and space_of(column, space) and known.type not in meaning.keys:
                meaning.keys[known.type] = name
                meaning.doubts[name] = f"its values look like {space} ids"
                break
        else:
            entities = entities_in(re.sub(r"\d+", " ", column.samples[0])) if column.samples else []
            numbered = column.values.drop_nulls().str.contains(r"^\pL+[\W_]?\d+$").all()
            if len(entities) == 1 and numbered and entities[0] not in meaning.keys:
                meaning.keys[entities[0]] = name
                meaning.doubts[name] = f"its values look like {column.samples[0]}"


def space_of(column: Column, space: str) -> bool:
    """Whether all values are ids of a key space that cannot be mistaken for others."""
    pattern = known_spaces()[space].pattern
    if not pattern or pattern.startswith("["):  # numbers and UUIDs may be anybody's
        return False
    return bool(column.rows) and bool(column.values.drop_nulls().str.contains(f"^(?:{pattern})$").all())


def _by_overlap(meaning: Meaning, everything: Sequence[Meaning]) -> None:
    """Columns whose values are the keys of another table's rows."""
    for name, column in meaning.table.columns.items():
        if name in meaning.used or column.kind not in ("int", "text") or column.different < _FEWEST:
            continue
        values = column.values.drop_nulls().unique()
        for other in everything:
            for entity, key in other.keys.items():
                keys = other.column(key)
                if other is meaning or entity in meaning.keys or not keys.unique or keys.kind != column.kind:
                    continue
                share = values.is_in(keys.values.implode()).mean()
                if isinstance(share, float) and share >= _OVERLAP:
                    meaning.keys[entity] = name
                    meaning.doubts[name] = (
                        f"{100 * share:.0f} % of its values are in {key!r} of {other.table.path}"
                    )


def _by_position(everything: Sequence[Meaning]) -> None:
    """If nothing says who listens to what: in one table, the first column to the second, as often as a third says."""
    if any("user" in meaning.keys and meaning.item for meaning in everything):
        return
    for meaning in sorted(everything, key=_unlikely):
        columns = meaning.table.columns.items()
        if meaning.item and meaning.column(meaning.keys[meaning.item]).unique:
            continue
        free = [c for name, c in columns if name not in meaning.used and c.kind in ("int", "text")]
        free = [column for column in free if not role_of(column.name).measure]
        user = (
            meaning.column(meaning.keys["user"]) if "user" in meaning.keys else free.pop(0) if free else None
        )
        if user is None or user.unique or not (meaning.item or free):
            continue
        if "user" not in meaning.keys:
            meaning.keys["user"] = user.name
            meaning.doubts[user.name] = "nothing says what it is"
        if not meaning.item:
            item = free.pop(0)
            meaning.keys["song"] = item.name
            meaning.doubts[item.name] = "nothing says what it is"
        numbers = [column for column in free if column.kind == "int"]
        if numbers and "plays" not in meaning.measures:
            meaning.measures["plays"] = numbers[-1].name
            meaning.doubts[numbers[-1].name] = "the last numbers of the table"
        return


def _unlikely(meaning: Meaning) -> tuple[bool, bool, int]:
    """Sorts tables: first those in which items are known already, those with numbers, and long ones."""
    counted = any(column.kind == "int" for column in meaning.table.columns.values())
    return not meaning.item, not counted, -meaning.table.rows


def _own(meaning: Meaning) -> str:
    """Whose table it is: of one kind of node whose keys are not repeated, or that the file is called after."""
    if "user" in meaning.keys and (meaning.item or "user" in meaning.others):
        return ""
    keys = {entity: key for entity, key in meaning.keys.items() if entity not in meaning.others}
    unique = [entity for entity, key in keys.items() if meaning.column(key).unique]
    speaks_of = entities_in(_called(meaning.table))
    for entity in [*speaks_of, *ITEMS, *unique]:
        if entity in unique:
            return entity
    if len(meaning.keys) != 1 or meaning.others:
        return ""
    (entity,) = meaning.keys
    mostly = 2 * meaning.column(meaning.keys[entity]).different > meaning.table.rows
    return entity if mostly or speaks_of == [entity] else ""


def _called(table: Table) -> str:
    """What tells what a table is about: its name in a database, the file's, or that of the folder of many files."""
    if "table" in table.options:
        return str(table.options["table"])
    parts = [part for part in table.path.split("/") if not any(c in part for c in "*?[=")]
    return parts[-1].split(".")[0] if parts else ""


def unlike(values: pl.Series, keys: pl.Series) -> int:
    """How many different values are no keys."""
    return int((~values.drop_nulls().unique().is_in(keys.implode())).sum())
