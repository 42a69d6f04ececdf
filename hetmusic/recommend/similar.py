"""Neighbours: what is most alike to an item, to a user, or to something that items belong to, such as their artist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic.errors import ConfigError, RunError
from hetmusic.recommend.keys import indices_of
from hetmusic.recommend.mood import Mood
from hetmusic.recommend.parts import members

if TYPE_CHECKING:
    from hetmusic.recommend.stored_run import StoredRun

USER = "user"
#: vectors compared at a time
_BLOCK = 65_536


@dataclass(frozen=True)
class Neighbour:
    """One line of a list of neighbours."""

    #: place in the list, from 1
    rank: int
    #: original id
    key: str
    #: its name; the key where it has none
    name: str
    #: cosine of the two vectors, in [-1, 1]; in the plane of emotion 1 - distance / largest possible distance
    similarity: float


@dataclass(frozen=True)
class Space:
    """What is compared: one vector for each node of a type."""

    keys: Sequence[str]
    names: Sequence[str]
    #: shape ``(n, dim)``
    vectors: NDArray[Any]
    #: which nodes have one, bool ``(n,)``
    present: NDArray[np.bool_]


def neighbours(
    run: StoredRun,
    node_type: str,
    key: str | int,
    k: int = 10,
    *,
    modality: str | None = None,
    emotion: bool = False,
) -> list[Neighbour]:
    """The ``k`` nodes of a type that are most alike to one of them, best first; ties by ascending index.

    :param node_type: the run's item type, ``user``, or a node type of the graph that items belong to (see
        :func:`~hetmusic.recommend.parts.members`), which is the mean of its items.
    :param modality: compare as this modality's tower has them, which needs torch and the graph.
    :param emotion: compare by valence and arousal.
    :raises UnknownKeyError: for a key that the run does not know.
    :raises ConfigError: for a modality that the run has no tower for, or options that exclude each other.
    :raises RunError: if there is nothing to compare the node by.
    """
    if k < 1:
        raise ConfigError(f"k is {k} but a list has at least one place")
    if emotion and modality is not None:
        raise ConfigError("neighbours are compared by a modality or by emotion, not by both")
    if emotion and node_type == USER:
        raise ConfigError(f"users have no place in the plane of emotion; {run.info.item_type}s have")
    item_type = run.info.item_type
    index: Mapping[str, int] = run.user_index if node_type == USER else run.item_index
    if node_type in (USER, item_type):
        node = indices_of([key], index, node_type, run.path)[0]  # before anything expensive
    space = _space(run, node_type, modality, emotion)
    if node_type not in (USER, item_type):
        node = indices_of([key], {k: i for i, k in enumerate(space.keys)}, node_type, run.graph.path)[0]
    if not space.present[node]:
        raise RunError(_lacking(run, node_type, str(key), modality, emotion))
    vector = np.asarray(space.vectors[node], dtype=np.float64)
    alike = Mood(*vector.clip(-1, 1)).closeness(space.vectors) if emotion else _cosines(space.vectors, vector)
    if not np.isfinite(alike).all():
        where = run.path / layout.EMBEDDINGS_FOLDER
        raise RunError(
            f"{where} is damaged: {int((~np.isfinite(alike)).sum()):,} of {len(alike):,} similarities are not finite"
        )
    return _nearest(space, alike, int(node), k)


def _space(run: StoredRun, node_type: str, modality: str | None, emotion: bool) -> Space:
    if node_type == USER:
        users = taste(run)[0] if modality is None else run.tower(modality)[0]
        return Space(run.user_keys, run.user_names, users, _not_zero(users))
    whole = node_type == run.info.item_type
    belonging = None if whole else members(run.graph, node_type)  # before anything expensive
    if emotion:
        items, present = run.item_emotions
    elif modality is None:
        items = taste(run)[1]
        present = _not_zero(items)
    else:
        items = run.tower(modality)[1]
        present = run.graph.modality(run.info.item_type, modality).present & _not_zero(items)
    if belonging is None:
        return Space(run.item_keys, run.item_names, items, present)
    means, some = belonging.means(items if emotion else _unit(items), present)
    graph = run.graph
    return Space(graph.keys(node_type), graph.names(node_type), means, some & (emotion | _not_zero(means)))


def taste(run: StoredRun) -> tuple[NDArray[Any], NDArray[Any]]:
    """Final vectors of users and items without the columns of a bias, which are 1 for every user and say how popular
    an item is, not what it is like."""
    users, items = run.user_embeddings, run.item_embeddings
    bias = [column for column in np.flatnonzero(users[0] == 1) if (users[:, column] == 1).all()]
    return (np.delete(users, bias, axis=1), np.delete(items, bias, axis=1)) if bias else (users, items)


def _not_zero(vectors: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray((vectors != 0).any(axis=1))


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))


def _cosines(vectors: NDArray[Any], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines of many vectors with one, shape ``(n,)``; 0 where a vector is zero. They are read piece by piece."""
    found = np.zeros(len(vectors))
    for first in range(0, len(vectors), _BLOCK):
        unit = _unit(vectors[first : first + _BLOCK].astype(np.float64))
        found[first : first + _BLOCK] = unit @ (vector / np.linalg.norm(vector))
    return found


def _nearest(space: Space, alike: NDArray[np.float64], node: int, k: int) -> list[Neighbour]:
    others = space.present.copy()
    others[node] = False
    chosen = np.flatnonzero(others)
    rounded = (
        alike[chosen].round(6) + 0.0
    )  # equal vectors are equally alike, whatever a sum's last bits; no -0
    order = np.argsort(-rounded, kind="stable")[:k]
    return [
        Neighbour(rank, space.keys[chosen[place]], space.names[chosen[place]], float(rounded[place]))
        for rank, place in enumerate(order, start=1)
    ]


def _lacking(run: StoredRun, node_type: str, key: str, modality: str | None, emotion: bool) -> str:
    whose = "" if node_type in (USER, run.info.item_type) else f", nor has any {run.info.item_type} of it"
    if emotion:
        return f"{node_type} {key!r} has no known valence and arousal{whose}"
    if modality is not None and node_type != USER:
        return f"{node_type} {key!r} has no {modality}{whose}; compare it without --modality"
    return f"{run.path} has learned nothing of {node_type} {key!r}: its vector is zero"
