"""Matching of tags with the words of a vocabulary, whatever their spelling."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from kg_schema.errors import SchemaError

# A form of fewer letters says too little: "<3" must match only "<3", not the tag "3".
_SHORTEST = 2


class AmbiguousWordError(SchemaError):
    """A word that stands for two names."""

    def __init__(self, word: str, name: str, other: str) -> None:
        super().__init__(f"{word!r} stands for both {other!r} and {name!r}")
        #: the later of the two names
        self.name = name


def normalise(text: str) -> str:
    """The letters and digits of a text, without case, accents, spaces and punctuation; ``&`` reads "and".

    ``"Hip-Hop"``, ``"hip hop"`` and ``"HipHop"`` have the same form.
    """
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if c.isalnum())


class Matcher:
    """Finds the canonical name for any spelling of a word or one of its aliases."""

    def __init__(self, aliases: Mapping[str, Iterable[str]], endings: Iterable[str] = ()) -> None:
        """Prepare the forms of all words.

        :param aliases: canonical name -> other words for it.
        :param endings: words that may follow without changing the meaning, as in "house music".
        :raises AmbiguousWordError: if two names share a form.
        """
        self._endings = tuple(endings)
        self._exact: dict[str, str] = {}
        self._forms: dict[str, str] = {}
        for name, others in aliases.items():
            for word in (name, *others):
                self._add(word, name)

    def lookup(self, text: str) -> str | None:
        """The canonical name, or None for a word that the vocabulary does not have."""
        found = self._exact.get(text.strip().casefold())
        if found is not None:
            return found
        form = normalise(text)
        found = self._forms.get(form)
        for ending in self._endings:
            if found is None and form.endswith(ending):
                found = self._forms.get(form.removesuffix(ending))
        return found

    @property
    def forms(self) -> Mapping[str, str]:
        """Normalised form -> canonical name."""
        return self._forms

    def _add(self, word: str, name: str) -> None:
        form = normalise(word)
        known = self._forms if len(form) >= _SHORTEST else self._exact
        key = form if known is self._forms else word.strip().casefold()
        other = known.setdefault(key, name)
        if other != name:
            raise AmbiguousWordError(word, name, other)
