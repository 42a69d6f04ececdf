"""Everything that is wrong with a specification, at once, with the lines of its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from hetmusic.specs.check_files import FileCheck
from kg_schema.catalogue import find_dump
from kg_schema.dump import DumpSpec
from kg_schema.dump_check import Problem, all_problems
from kg_schema.ontology import Ontology
from kg_schema.yaml_file import Location, YamlFile, dotted, problems_of

#: how many rows of a file are looked at, unless another file's keys are needed of it
ROWS = 1_000_000


@dataclass(frozen=True)
class SpecProblem:
    """Something in a specification that is wrong or looks odd."""

    file: str
    #: 1-based, in the specification
    line: int
    #: e.g. ``edges[0].weight``
    key: str
    message: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.message}"


@dataclass(frozen=True)
class CheckReport:
    """What was found out about a specification and its files."""

    path: Path
    problems: list[SpecProblem] = field(default_factory=list)
    #: what the files hold and how well they fit together, in words
    facts: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[SpecProblem]:
        """What keeps a graph from being built."""
        return [problem for problem in self.problems if problem.level == "error"]

    @property
    def warnings(self) -> list[SpecProblem]:
        """What looks odd."""
        return [problem for problem in self.problems if problem.level == "warning"]


def check_spec(name_or_path: str | Path, raw: str | Path | None = None, rows: int = ROWS) -> CheckReport:
    """Check a specification, and the raw files against it.

    :param raw: the folder of the raw files; without it only the specification itself is checked.
    :param rows: rows of each file to look at.
    :raises SchemaError: if it is not YAML, or there is no such file.
    """
    path = find_dump(name_or_path)
    document = YamlFile.read(path)
    ontology = Ontology.load()
    spec, problems = _schema(document)
    facts: list[str] = []
    odd: list[Problem] = []
    if spec is not None:
        problems += all_problems(spec, ontology)
        if raw is not None:
            files = FileCheck(spec, Path(raw), ontology, rows)
            files.check(values=not problems)
            problems += files.errors
            odd, facts = files.warnings, files.facts
    listed = [_located(document, problem, "error") for problem in problems]
    listed += [_located(document, problem, "warning") for problem in odd]
    return CheckReport(path, sorted(listed, key=lambda problem: (problem.line, problem.key)), facts)


def _schema(document: YamlFile) -> tuple[DumpSpec | None, list[Problem]]:
    """The specification, without keys that it should not have, and what is wrong with its form."""
    data = document.data
    problems: list[Problem] = []
    for _ in range(2):
        try:
            return DumpSpec.model_validate(data), problems
        except ValidationError as error:
            new = [Problem(*found) for found in problems_of(error)]
        problems += [problem for problem in new if problem not in problems]
        data = _without(data, [problem.location for problem in new if "unknown key" in problem.message])
    return None, problems


def _without(data: Any, unknown: list[Location], here: Location = ()) -> Any:
    """The content of the file without the keys at some places."""
    if isinstance(data, dict):
        kept = {key: value for key, value in data.items() if (*here, key) not in unknown}
        return {key: _without(value, unknown, (*here, key)) for key, value in kept.items()}
    if isinstance(data, list):
        return [_without(value, unknown, (*here, number)) for number, value in enumerate(data)]
    return data


def _located(document: YamlFile, problem: Problem, level: Literal["error", "warning"]) -> SpecProblem:
    line = document.line(problem.location)
    return SpecProblem(document.name, line, dotted(problem.location), problem.message, level)
