"""When two names of artists or titles of songs are taken to be the same; ``docs/file_formats.md`` has the rules.

Unlike :func:`kg_schema.vocab.normalise`, which compares tags with a list of known words, this keeps the words apart: "Art"
and "A R T" may be two artists.
"""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_ACCENTS = re.compile("[\u0300-\u036f]")
_AND = re.compile("[&+]")
_COMMA_THE = re.compile(r"^(.*), *the *$", re.DOTALL)
# What stands inside a word without dividing it: R.E.M., O'Connor.
_INSIDE = re.compile("['’‘ʼ`´.]")
_GUESTS = ("feat", "ft", "featuring")


def normalise_name(text: str, guests: bool = True) -> str:
    """The form in which names are compared: words of letters and digits with single spaces between them.

    Applied twice it gives the same as once. Names without any letter or digit ("!!!") stay as they are, folded.

    :param guests: keep the guests of "A feat. B", as in names of artists; titles of songs are compared without.
    """
    folded = _fold(text)
    if not any(map(_in_word, folded)):
        return " ".join(folded.split())
    plain = _AND.sub(" and ", folded)
    plain = _COMMA_THE.sub(r"the \1", plain)
    words = "".join(c if _in_word(c) else " " for c in _INSIDE.sub("", plain)).split()
    return " ".join(_guests(_without_the(words), guests))


def _fold(text: str) -> str:
    """Without case and Western accents; marks of other scripts, which tell letters apart, stay."""
    while True:
        marked = unicodedata.normalize("NFKD", text.casefold())
        folded = unicodedata.normalize("NFC", _ACCENTS.sub("", marked)).translate(_PLAIN)
        if folded == text:
            return folded
        text = folded  # taking marks away may bring letters together that have another form


def _in_word(character: str) -> bool:
    # U+02BC counts as a letter, but is written and read as an apostrophe
    return character != "ʼ" and unicodedata.category(character)[0] in "LNM"


def _without_the(words: list[str]) -> list[str]:
    """Without a leading "the", unless that is the name."""
    while len(words) > 1 and words[0] == "the":
        words = words[1:]
    return words


def _guests(words: list[str], keep: bool) -> list[str]:
    """With one spelling of "featuring", or cut off before it."""
    for position, word in enumerate(words[1:], 1):
        if word in _GUESTS:
            if not keep:
                return words[:position]
            words = [*words[:position], "feat", *words[position + 1 :]]
    return words
