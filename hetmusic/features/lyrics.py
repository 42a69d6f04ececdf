"""What can be said about lyrics without a model: their words, and whether there are any."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_NOT_WORDS = re.compile(r"[\W_]+")
#: an annotation such as "[Guitar solo]", which nobody sings
_ANNOTATION = re.compile(r"\[[^\]]*\]")

#: What databases of lyrics write where a song has none, in lower case and without punctuation.
_INSTRUMENTAL = frozenset(
    [
        "instrumental",
        "instrumentals",
        "instrumental song",
        "instrumental track",
        "instrumental version",
        "instrumental only",
        "this song is instrumental",
        "this song is an instrumental",
        "this track is instrumental",
        "this is an instrumental",
        "this is an instrumental song",
        "this is an instrumental track",
        "no lyrics",
        "no lyrics instrumental",
        "instrumental no lyrics",
        "strumentale",
        "instrumentale",
        "instrumentaal",
        "instrumentaali",
        "инструментал",
        "инструментальная композиция",
        "インストゥルメンタル",
        "インスト",
        "纯音乐",
        "純音樂",
        "纯音乐 请欣赏",
        "此歌曲为没有填词的纯音乐 请您欣赏",
        "연주곡",
    ]
)


def words(text: str) -> list[str]:
    """The words of a text in lower case; "don't" is one word, "well-being" two, numbers are none."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def is_instrumental(text: str) -> bool:
    """Whether a text says that there is nothing to sing: "[Instrumental]", "(instrumental version)", "纯音乐" ...

    Every line has to be such a remark or an annotation in square brackets, and at least one to be the former; a song
    that mentions an instrumental is not one.
    """
    said = False
    for line in text.splitlines():
        plain = _NOT_WORDS.sub(" ", line.casefold()).strip()
        if plain in _INSTRUMENTAL:
            said = True
        elif plain and _ANNOTATION.sub("", line).strip():
            return False
    return said
