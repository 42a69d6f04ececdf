"""What validation found: one finding for each kind of problem at each place, with counts and examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: an error makes a graph wrong; a warning is odd, but may be what the data says
Level = Literal["error", "warning"]

#: every check: its level and what a finding means
CHECKS: dict[str, tuple[Level, str]] = {
    "missing-file": ("error", "graph.json lists a file that is not there"),
    "checksum": ("error", "a file has changed since it was written"),
    "unlisted-table": ("error", "a table or modality has no checksum in graph.json"),
    "stray-file": ("warning", "a file that graph.json does not know"),
    "damaged": ("error", "a table cannot be read, or has other columns, types or rows than graph.json says"),
    "unknown-type": ("error", "a node type that the ontology does not have"),
    "unknown-relation": ("error", "a relation that the ontology does not have"),
    "stored-inverse": ("error", "edges stored under the name of an inverse, which is derived when opening"),
    "inverse-differs": ("error", "pairs that only one of a relation and its stored inverse has"),
    "domain-range": ("error", "the ontology does not let the relation connect these node types"),
    "declaration": ("error", "graph.json and the ontology disagree on a relation's inverse or symmetry"),
    "blank-key": ("error", "nodes without a key"),
    "repeated-key": ("error", "nodes of one type that share a key"),
    "no-nodes": ("warning", "a node type without nodes"),
    "isolated": ("warning", "nodes without any edge"),
    "no-interaction": ("warning", "users or items without any interaction"),
    "no-edges": ("warning", "a relation without edges"),
    "blank-end": ("error", "edges or assignments that lack an end"),
    "out-of-range": ("error", "ends that are no index of a node"),
    "repeated-pair": ("error", "rows that repeat a pair, or a tag assignment"),
    "unsorted": ("error", "rows that are not sorted by (src, dst)"),
    "self-loop": ("error", "edges from a node to itself"),
    "reversed-pair": ("error", "pairs of a symmetric relation stored with src > dst"),
    "both-directions": ("error", "pairs of a symmetric relation stored in both directions"),
    "blank-weight": ("error", "edges without weight in a relation that has weights"),
    "weight-not-finite": ("error", "weights that are NaN or infinite"),
    "negative-count": ("error", "weights below 0 where the weight is a count"),
    "negative-weight": ("warning", "weights below 0 where the weight is no count"),
    "zero-weight": ("warning", "weights of 0: edges that count for nothing"),
    "unexpected-weight": ("warning", "weights in a relation that has none in the ontology"),
    "unexpected-time": ("warning", "times in a relation that has none in the ontology"),
    "late-time": ("warning", "times after the year 2100, perhaps milliseconds"),
    "unknown-kind": ("error", "tag assignments of a kind that graph.json does not count"),
    "not-finite": ("error", "vectors that hold NaN or infinity"),
    "absent-not-zero": ("error", "vectors of nodes that, says the mask, have none"),
    "present-count": ("error", "graph.json counts another number of vectors than the mask"),
    "all-zero": ("warning", "vectors of zeros of nodes that, says the mask, have one"),
    "no-vectors": ("warning", "a modality that no node has"),
}


@dataclass(frozen=True)
class Finding:
    """A problem of one kind at one place."""

    #: key of :data:`CHECKS`
    check: str
    #: what was looked at, e.g. ``edges user__likes__artist``, ``nodes artist`` or ``graph.json``
    where: str
    #: what is wrong, with the counts
    message: str
    #: number of rows, nodes or files concerned
    count: int
    #: the first of them, by original key where they have one
    examples: list[str] = field(default_factory=list)

    @property
    def level(self) -> Level:
        """Error or warning."""
        return CHECKS[self.check][0]

    def __str__(self) -> str:
        first = f"; first: {', '.join(self.examples)}" if self.examples else ""
        return f"{self.where}: {self.message}{first}"


@dataclass(frozen=True)
class ValidationReport:
    """The outcome of :func:`~hetmusic.graph.validation.validate_graph`."""

    name: str
    path: str
    #: what was looked at -> number of rows (of vectors for features, of files for ``files``)
    checked: dict[str, int]
    #: node type -> nodes without any edge; types whose table or edges could not be read are absent
    isolated: dict[str, int]
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        """What makes the graph wrong."""
        return [finding for finding in self.findings if finding.level == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """What is odd."""
        return [finding for finding in self.findings if finding.level == "warning"]

    @property
    def valid(self) -> bool:
        """Whether there are no errors."""
        return not self.errors

    def find(self, check: str, where: str | None = None) -> Finding | None:
        """The first finding of a check (at a place), or None."""
        fits = (f for f in self.findings if f.check == check and where in (None, f.where))
        return next(fits, None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable form."""
        return {
            "name": self.name,
            "path": self.path,
            "valid": self.valid,
            "checked": dict(self.checked),
            "isolated": dict(self.isolated),
            "errors": _plain(self.errors),
            "warnings": _plain(self.warnings),
        }


def _plain(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]


class Collector:
    """Collects findings while the parts of a graph are looked at."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.checked: dict[str, int] = {}

    def add(self, check: str, where: str, message: str, count: int = 1, examples: Iterable[str] = ()) -> None:
        """Note a problem, unless its count is zero."""
        assert check in CHECKS, check
        if count:
            self.findings.append(Finding(check, where, message, count, list(examples)))

    def looked_at(self, where: str, rows: int) -> None:
        """Note that something was checked."""
        self.checked[where] = rows
