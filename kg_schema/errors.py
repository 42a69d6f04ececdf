"""Errors whose message is written for the person at the keyboard."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

# comparing takes time: nobody reads longer lists or words
_MOST, _LONGEST = 2000, 200


class UserError(Exception):
    """A mistake in what the user gave (file, option, configuration).

    The command line prints the message in one line, without a traceback, and exits with status 1. The message
    therefore names the file, the field and the counts itself.
    """


class SchemaError(UserError):
    """An ontology, vocabulary or dump specification that cannot be used."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known word, else an empty string.

    :param word: what the user wrote.
    :param known: the words that would have been accepted.
    """
    words = [str(k) for k in islice(known, _MOST)]
    close = difflib.get_close_matches(str(word)[:_LONGEST], words, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
