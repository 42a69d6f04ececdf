"""One UltraStar song file: ``#KEY:VALUE`` headers, then a note per syllable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_HEADER = re.compile(r"^#([A-Za-z0-9_ ]+):(.*)$")
#: kind (normal, golden, freestyle, rap, golden rap), beat, length, pitch, and the syllable after exactly one space
_NOTE = re.compile(r"^([:*FRG])\s*(-?\d+)\s+(-?\d+)\s+(-?\d+)(?:\s(.*))?$")
_BREAK = re.compile(r"^-\s*(-?\d+)?(?:\s+(-?\d+))?")
_PART = re.compile(r"^P\s?([123])\s*$")
#: what the syllable of a note that goes on is written with
_HELD = "~"


@dataclass(frozen=True)
class UltraStarSong:
    """What is written in a song file."""

    #: upper-case key -> value, blank ones left out; of a repeated key the first counts
    headers: Mapping[str, str]
    #: sung lines, in the order in which they begin
    lines: list[str]
    #: number of parts that are sung, 2 in a duet
    parts: int
    notes: int
    #: lines that are neither header, note, break, part nor end
    unknown: int


@dataclass
class _Part:
    """The line that one singer is in, and the lines before it with the beats at which they begin."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    syllables: list[str] = field(default_factory=list)
    start: int = 0
    #: beat from which a relative file counts
    offset: int = 0

    def sing(self, beat: int, syllable: str) -> None:
        if not self.syllables:
            self.start = self.offset + beat
        self.syllables.append(syllable.replace(_HELD, ""))

    def end_line(self) -> None:
        text = " ".join("".join(self.syllables).split())
        if text:
            self.lines.append((self.start, text))
        self.syllables = []


def parse(text: str) -> UltraStarSong:
    """Read a song file; lines end with ``\\n``."""
    headers: dict[str, str] = {}
    body: list[str] = []
    for line in text.split("\n"):
        header = _HEADER.match(line.strip()) if not body else None
        if header:
            key, value = header[1].strip().upper(), header[2].strip()
            if value:
                headers.setdefault(key, value)
        elif body or line.strip():
            body.append(line)
    relative = headers.get("RELATIVE", "").lower() in ("yes", "true", "1")
    parts: dict[int, _Part] = {}
    notes, unknown = _sing(body, parts, relative)
    return UltraStarSong(headers, list(_together(list(parts.values()))), len(parts), notes, unknown)


def _sing(body: list[str], parts: dict[int, _Part], relative: bool) -> tuple[int, int]:
    """Fill the parts; the number of notes, and of lines that mean nothing."""
    notes = unknown = 0
    now = [1]
    for line in body:
        if note := _NOTE.match(line):
            notes += 1
            for number in now:
                parts.setdefault(number, _Part()).sing(int(note[2]), note[5] or "")
        elif part := _PART.match(line):
            for voice in parts.values():
                voice.end_line()
            now = [1, 2] if part[1] == "3" else [int(part[1])]
        elif line.startswith("-") and (pause := _BREAK.match(line)):
            for number in now:
                voice = parts.setdefault(number, _Part())
                voice.end_line()
                if relative:
                    voice.offset += int(pause[2] or pause[1] or 0)
        elif line.strip() == "E":
            break
        elif line.strip():
            unknown += 1
    for voice in parts.values():
        voice.end_line()
    return notes, unknown


def _together(parts: list[_Part]) -> Iterator[str]:
    """The lines of all parts by their first beat; what two sing at once stands there once."""
    lines = [(beat, number, text) for number, part in enumerate(parts) for beat, text in part.lines]
    seen: set[tuple[int, str]] = set()
    for beat, _, text in sorted(lines, key=lambda line: line[:2]):
        if (beat, text) not in seen:
            seen.add((beat, text))
            yield text
