"""Explanations as text: paragraphs for people, JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from hetmusic._printable import one_line
from hetmusic.recommend.explain.explanation import Explanation, Parts

Lists = Mapping[str, Sequence[Explanation]]

#: columns of a line
_WIDTH = 100
#: contributions that round to less are not shown
_LEAST = 0.0005


def render_explained(lists: Lists) -> str:
    """One block a user: every item with its score, the parts of that score, and the reasons, strongest first."""
    return "\n\n".join(_block(user, items) for user, items in lists.items())


def render_explained_json(lists: Lists) -> str:
    """As :func:`hetmusic.recommend.output.render_json` has it, with an ``explanation`` for each item."""
    value = [
        {"user": user, "recommendations": [item.to_dict() for item in items]} for user, items in lists.items()
    ]
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def _block(user: str, items: Sequence[Explanation]) -> str:
    if not items:
        return f"user {one_line(user)}: nothing left to recommend"
    return "\n\n".join([f"user {one_line(user)}", *("\n".join(_item(item)) for item in items)])


def _item(item: Explanation) -> Iterator[str]:
    yield from _wrapped(
        f"{item.rank:>3}  ", f"{one_line(item.name)} ({one_line(item.item_key)}), score {item.score:.4f}"
    )
    yield from _wrapped(f"{'':5}towers:    ", _sum(item.towers))
    yield from _wrapped(f"{'':5}relations: ", _sum(item.relations))
    for reason in item.reasons:
        yield from _wrapped(f"{reason.effect:>+12.3f}  ", one_line(reason.text))
    if item.reasons:
        yield from _wrapped(
            f"{'':5}", f"without this evidence the score is {item.score_without_evidence:.4f}"
        )
    else:
        yield from _wrapped(f"{'':5}", "no single play, friend or fact speaks for it")


def _sum(parts: Parts) -> str:
    shown = [
        f"{one_line(n)} {value:+.3f}" for n, value in parts.contributions.items() if abs(value) >= _LEAST
    ]
    drawn = "" if parts.exact else " (means over drawn orders)"
    return f"base {parts.base:.3f}, {', '.join(shown) or 'and nothing more'}{drawn}"


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )
