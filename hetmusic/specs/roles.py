"""What the name of a column, or of a file, says about what is in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENTITIES = {
    "user": "user users listener listeners member members account profile profiles person people username uid subscriber",
    "song": "song songs track tracks recording recordings tune tunes",
    "artist": "artist artists band bands performer performers singer singers musician musicians",
    "album": "album albums release releases record records disc discs",
    "genre": "genre genres style styles",
    "emotion": "emotion emotions mood moods",
    "tag": "tag tags tagged keyword keywords",
}
_MEASURES = {
    "plays": "plays playcount playcounts count counts listens scrobbles freq frequency weight times n play listen",
    "rating": "rating ratings stars score vote",
    "time": "time timestamp ts date datetime at created played when utc listened",
    "similarity": "similarity similar sim match",
    "year": "year",
    "month": "month",
    "day": "day",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ID = _words("id ids key keys code mbid uuid gid sha1 hash uri nr no number idx index")
_NAME = _words("name names title titles text value values label words word string")
_OTHER = _words(
    "friend friends followed followee follower following contact other target peer neighbour neighbor"
)
_BY_WORD = {word: kind for kind, words in (_ENTITIES | _MEASURES).items() for word in words.split()}
_KNOWN = frozenset(_BY_WORD) | _ID | _NAME | _OTHER
#: what is glued to other words in names such as userid, artistname, playcount
_GLUED = ("mbid", "ids", "id", "names", "name", "title", "value", "key", "count")


@dataclass(frozen=True)
class Role:
    """What a name says; everything is empty if it says nothing."""

    #: node type whose keys, names or attributes the column holds
    entity: str = ""
    #: plays, rating, time, similarity, year, month, day
    measure: str = ""
    is_id: bool = False
    is_name: bool = False
    #: the second of two nodes of one type, as in ``friend_id``
    is_other: bool = False
    #: whether it has words that say nothing here, so that it is an attribute if anything
    is_more: bool = False


def role_of(name: str) -> Role:
    """What the name of a column says about it."""
    words = split_words(name)
    entities = [_BY_WORD[word] for word in words if _BY_WORD.get(word) in _ENTITIES]
    measures = [_BY_WORD[word] for word in words if _BY_WORD.get(word) in _MEASURES]
    is_other = any(word in _OTHER for word in words) or (bool(entities) and words[-1] in ("2", "b"))
    is_id = any(word in _ID for word in words)
    return Role(
        entity=entities[-1] if entities else "user" if is_other and "friend" in name.lower() else "",
        measure="" if is_id or not measures else measures[0],
        is_id=is_id,
        is_name=not is_id and any(word in _NAME for word in words),
        is_other=is_other,
        is_more=any(word not in _KNOWN and not word.isdigit() for word in words),
    )


def entities_in(name: str) -> list[str]:
    """The node types that the name of a file speaks of, each once."""
    words = split_words(name)
    return list(dict.fromkeys(_BY_WORD[word] for word in words if _BY_WORD.get(word) in _ENTITIES))


def says_something(name: str) -> bool:
    """Whether a text looks like the name of a column rather than a value."""
    return len(name) <= 40 and any(word in _KNOWN for word in split_words(name))


def split_words(name: str) -> list[str]:
    """The lower-case words of ``userID``, ``artist_mbid``, ``trackName`` or ``playcount``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W_]+", spaced.lower())
    return [part for word in words for part in _unglued(word)]


def _unglued(word: str) -> list[str]:
    if word in _KNOWN:
        return [word]
    for end in _GLUED:
        start = word.removesuffix(end)
        if start != word and start in _KNOWN:
            return [start, end]
    numbered = re.fullmatch(r"([a-z]+)(\d)", word)
    return [numbered[1], numbered[2]] if numbered and numbered[1] in _KNOWN else [word]
