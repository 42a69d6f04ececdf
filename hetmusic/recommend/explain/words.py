"""Reasons in words."""

from __future__ import annotations

from collections.abc import Sequence

from hetmusic.graph.types import EdgeType

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


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def played(names: Sequence[str], often: bool) -> str:
    """``A and B, which you play often``."""
    return f"{listed(names)}, which you play{' often' if often else ''}"


def goes_with(names: Sequence[str], often: bool) -> str:
    """Of plays that nothing but the model's own vectors connect with the item."""
    return f"goes with {played(names, often)}"


def similar(names: Sequence[str], often: bool) -> str:
    """Of plays that the data call similar to the item."""
    return f"similar to {played(names, often)}"


def same_owner(owner_type: str, names: Sequence[str], often: bool) -> str:
    """Of plays by the same artist, or on the same album."""
    return f"same {owner_type} as {played(names, often)}"


def friends_play(names: Sequence[str], count: int) -> str:
    """Of friends who play the item.

    :param names: of those named.
    :param count: of all.
    """
    if count == 1:
        return f"your friend {names[0]} plays it"
    if count == len(names):
        return f"{count} of your friends play it: {', '.join(names)}"
    return f"{count} of your friends play it, among them {listed(names)}"


def friends_taste(names: Sequence[str]) -> str:
    """Of friends who do not."""
    return f"to the taste of your {'friend' if len(names) == 1 else 'friends'} {listed(names)}"


def about_user(edge_type: EdgeType, names: Sequence[str]) -> str:
    """Of what else is known about the user."""
    return f"you: {edge_type.src} {listed(names)}"


def about_item(edge_type: EdgeType, names: Sequence[str], plays: Sequence[str], often: bool) -> str:
    """Of what is known about the item.

    :param names: of the nodes that say so.
    :param plays: of what the user plays and the same is known about.
    """
    shown = listed(names)
    several = len(names) > 1
    if plays:
        text = _SHARED.get(edge_type.relation, (f"shares {edge_type.src} {{nodes}} with {{plays}}",) * 2)
        return text[several].format(nodes=shown, plays=played(plays, often))
    return _ALONE.get(edge_type.relation, (f"has {edge_type.src} {{nodes}}",) * 2)[several].format(
        nodes=shown
    )


def in_mood(word: str, plays: Sequence[str], often: bool) -> str:
    """Of the emotion that an item shares with plays."""
    return f"mood of {word}, like {played(plays, often)}"
