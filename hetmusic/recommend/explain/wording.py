"""A sentence that keeps its names apart from its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """A sentence. Its words are the same in thousands of sentences, its names are not."""

    #: the words; ``{0}``, ``{1}`` … stand for names
    template: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.template.format(*self.names)


def worded(sentence: str, **lists: Sequence[str]) -> Wording:
    """Make a sentence about lists of names.

    :param sentence: the words; ``{word}`` stands for the list of this name.
    :param lists: names, in the order in which the sentence has them.
    """
    names: list[str] = []
    places: dict[str, str] = {}
    for word, some in lists.items():
        places[word] = listed([f"{{{len(names) + k}}}" for k in range(len(some))])
        names += some
    return Wording(sentence.format(**places), tuple(names))


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
