"""Reasons in words, with the names in them kept apart."""

from __future__ import annotations

from collections.abc import Sequence

from hetmusic.graph.types import EdgeType
from hetmusic.recommend.explain.wording import Wording, worded

#: relations that say whose an item is; what two items have in common is the first of these
OWNERS = ("sings", "contains")
#: relations among items
SIMILAR = "similar_to"

#: relation into items -> what the item and plays of the user share by it; with one node, with several
_SHARED = {
    "tag_of": ("shares the tag {nodes} with {plays}", "shares the tags {nodes} with {plays}"),
    "genre_of": ("shares the genre {nodes} with {plays}", "shares the genres {nodes} with {plays}"),
    "evoked_by": ("evokes {nodes}, like {plays}", "evokes {nodes}, like {plays}"),
    "sings": ("is by {nodes}, like {plays}", "is by {nodes}, like {plays}"),
    "contains": ("is on the album {nodes}, like {plays}", "is on the albums {nodes}, like {plays}"),
}
#: the same where nothing that the user plays has it
_ALONE = {
    "tag_of": ("has the tag {nodes}", "has the tags {nodes}"),
    "genre_of": ("has the genre {nodes}", "has the genres {nodes}"),
    "evoked_by": ("evokes {nodes}", "evokes {nodes}"),
    "sings": ("is by {nodes}", "is by {nodes}"),
    "contains": ("is on the album {nodes}", "is on the albums {nodes}"),
    SIMILAR: ("is similar to {nodes}", "is similar to {nodes}"),
}


def goes_with(names: Sequence[str], often: bool) -> Wording:
    """Of plays that nothing but the model's own vectors connect with the item."""
    return worded("goes with {plays}" + _played(often), plays=names)


def similar(names: Sequence[str], often: bool) -> Wording:
    """Of plays that the data call similar to the item."""
    return worded("similar to {plays}" + _played(often), plays=names)


def same_owner(owner_type: str, names: Sequence[str], often: bool) -> Wording:
    """Of plays by the same artist, or on the same album."""
    return worded(f"same {owner_type} as {{plays}}" + _played(often), plays=names)


def friends_play(names: Sequence[str], count: int) -> Wording:
    """Of friends who play the item.

    :param names: of those named.
    :param count: of all.
    """
    if count == 1:
        return worded("your friend {friends} plays it", friends=names)
    if count == len(names):
        places = ", ".join(f"{{{place}}}" for place in range(count))
        return Wording(f"{count} of your friends play it: {places}", tuple(names))
    return worded(f"{count} of your friends play it, among them {{friends}}", friends=names)


def friends_taste(names: Sequence[str]) -> Wording:
    """Of friends who do not."""
    return worded(
        f"to the taste of your {'friend' if len(names) == 1 else 'friends'} {{friends}}", friends=names
    )


def about_user(edge_type: EdgeType, names: Sequence[str]) -> Wording:
    """Of what else is known about the user."""
    return worded(f"you: {edge_type.src} {{nodes}}", nodes=names)


def about_item(edge_type: EdgeType, names: Sequence[str], plays: Sequence[str], often: bool) -> Wording:
    """Of what is known about the item.

    :param names: of the nodes that say so.
    :param plays: of what the user plays and the same is known about.
    """
    several = len(names) > 1
    if plays:
        text = _SHARED.get(edge_type.relation, (f"shares {edge_type.src} {{nodes}} with {{plays}}",) * 2)
        return worded(text[several] + _played(often), nodes=names, plays=plays)
    text = _ALONE.get(edge_type.relation, (f"has {edge_type.src} {{nodes}}",) * 2)
    return worded(text[several], nodes=names)


def in_mood(word: str, plays: Sequence[str], often: bool) -> Wording:
    """Of the emotion that an item shares with plays."""
    return worded("mood of {mood}, like {plays}" + _played(often), mood=[word], plays=plays)


def _played(often: bool) -> str:
    """What is said of plays, after their names."""
    return f", which you play{' often' if often else ''}"
