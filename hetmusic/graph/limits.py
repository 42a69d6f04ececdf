"""How many rows of a file may be dropped before a build stops, since the file or its description must be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hetmusic.errors import DataError
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import BuildReport, Finding
from hetmusic.graph.joining.dumps import Dump

#: share of the rows of a file that may be dropped where nobody sets another limit
MAX_DROPPED = 0.05
# A share of few rows says nothing: as many as these may be dropped where nobody sets a limit.
_FEW = 10
_EXAMPLES = 3


@dataclass(frozen=True)
class Drops:
    """Rows that one part of a build could not use of one file."""

    file: str
    #: what was read from it
    part: str
    #: rows that it had for the part
    rows: int
    findings: Sequence[Finding]

    @property
    def dropped(self) -> int:
        """Rows that were dropped, those that the specification expects not counted."""
        return sum(finding.rows for finding in self.findings)

    @property
    def share(self) -> float:
        """Share of the rows, in [0, 1]."""
        return self.dropped / max(self.rows, 1)

    def __str__(self) -> str:
        parts = [
            f"{f.reason} {f.rows:,}{f' ({_some(f.examples)})' if f.examples else ''}, first: {f.first_place}"
            for f in sorted(self.findings, key=lambda f: -f.rows)[:_EXAMPLES]
        ]
        if len(self.findings) > _EXAMPLES:
            parts.append(f"and for {len(self.findings) - _EXAMPLES} more reasons")
        return f"{self.file}: {self.dropped:,} of {self.rows:,} rows ({self.part}) were dropped: {'; '.join(parts)}"


def check_drops(report: BuildReport, dumps: Sequence[Dump], options: BuildOptions) -> list[str]:
    """Check what was dropped so far against the limits.

    A part's limit is that of the options, if there is one, or what the specification sets for the file, or ``MAX_DROPPED``.

    :return: warnings about files of which more than ``MAX_DROPPED`` was dropped although it is allowed.
    :raises DataError: naming the first file with too many, why they were dropped, the first lines, and how to go on.
    """
    set_limits = {name: entry.max_dropped for dump in dumps for name, entry in dump.files.specs()}
    found = [(drops, _limit(set_limits.get(drops.file), options)) for drops in _drops(report)]
    bad = [(drops, limit) for drops, limit in found if _is_over(drops, limit)]
    if bad:
        drops, limit = bad[0]
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise DataError(f"{drops}{more}; {_way_on(bad, limit, options.strict)}")
    return [str(drops) for drops, _ in found if drops.share > MAX_DROPPED]


def _limit(of_file: float | None, options: BuildOptions) -> float | None:
    if options.strict:
        return 0.0
    return of_file if options.max_dropped is None else options.max_dropped


def _is_over(drops: Drops, limit: float | None) -> bool:
    if limit is None:
        return drops.dropped > _FEW and drops.share > MAX_DROPPED
    return drops.share > limit


def _drops(report: BuildReport) -> list[Drops]:
    """What was dropped, by file and part; rows that a reader itself drops were not among those that it read."""
    by_part: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        if finding.action == "dropped":
            by_part.setdefault((finding.file, finding.part), []).append(finding)
    found = []
    for (file, part), findings in sorted(by_part.items()):
        unread = sum(finding.rows for finding in findings) if part == "file" else 0
        found.append(Drops(file, part, report.rows.get(file, 0) + unread, findings))
    return found


def _way_on(bad: Sequence[tuple[Drops, float | None]], limit: float | None, strict: bool) -> str:
    if strict:
        return "--strict allows none"
    allowed = MAX_DROPPED if limit is None else limit
    enough = max(math.ceil(drops.share * 1000) / 1000 for drops, _ in bad)
    return (
        f"more than {allowed * 100:g} % is taken for a mistake in the file or the specification; "
        f"if it is none, go on with --max-dropped {enough:g}"
    )


def _some(examples: Sequence[str]) -> str:
    return ", ".join(repr(example) for example in examples[:_EXAMPLES])
