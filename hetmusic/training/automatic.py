"""Settings that follow from the size of the graph and from the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hetmusic._toml import merge, parse_override
from hetmusic.graph import MusicGraph

#: beyond this many candidates a softmax over all of them costs more than it brings
FULL_SOFTMAX_ITEMS = 50_000
#: ``propagation = "auto"`` passes messages over the whole graph up to this many edges over all relations
FULL_GRAPH_EDGES = 2_000_000
#: features with more dimensions are projected at a cost that exceeds that of message passing
_WIDE = 128
#: users a step where each has so many likes: what one likes is candidate for all, so larger steps make an epoch dearer and
#: take fewer of them
_USERS, _LIKES = 64, 208
#: least and most users a step
_BOUNDS = 16, 512


@dataclass(frozen=True)
class Choice:
    """A setting and why it was chosen."""

    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting}  ({self.reason})"


def choose(graph: MusicGraph) -> list[Choice]:
    """The settings that ``--auto`` puts over those of the default preset.

    A graph that fits the preset as it is gets the number of threads alone.
    """
    choices = _threads()
    users, items = graph.num_nodes(graph.user_type), graph.num_nodes(graph.item_type)
    likes = graph.num_edges(graph.interaction)
    edges = 2 * sum(graph.num_edges(edge_type) for edge_type in graph.edge_types)
    if items > FULL_SOFTMAX_ITEMS:
        why = f"{items:,} items are too many for a softmax over all of them"
        choices += [
            Choice("training.sampled_candidates=2048", f"{why}; what a step's users like comes on top"),
            Choice(
                'model.initialisation="spectral"',
                f"training reads each of {items:,} items a few times an epoch, so they start from who likes them",
            ),
            Choice("training.lr=0.001", "what they start from is changed little by little"),
            Choice(
                'model.head="scaled"',
                "a few epochs are not enough to learn how popular each item is, so they start from it",
            ),
            Choice(
                "training.tower_loss=0.0",
                "scores of every tower for itself would be most of a step's cost",
            ),
        ]
    if items > FULL_SOFTMAX_ITEMS or edges > FULL_GRAPH_EDGES:
        why, step = f"about {edges:,} edges in both directions", users_a_step(users, likes)
        choices += [
            Choice('training.propagation="sampled"', why),
            Choice("training.fanout=[5, 100]", "users from 100 of their likes, friends from 5 of theirs"),
            Choice("relations.friends.fanout=10", "neighbourhoods are sampled"),
            Choice(
                f"training.batch_size={step}",
                f"about {step * likes // max(users, 1):,} likes a step, all of them candidates of all users",
            ),
            Choice("training.epochs=10", f"{likes:,} likes"),
            Choice("training.patience=3", f"{likes:,} likes"),
            Choice("training.validation_users=2000", "ranking for all users takes as long as an epoch"),
        ]
    wide = {name: graph.modality(graph.item_type, name).dim for name in graph.modalities(graph.item_type)}
    wide = {name: dim for name, dim in wide.items() if dim > _WIDE}
    if items > FULL_SOFTMAX_ITEMS and wide:
        shown = ", ".join(f"{name} {dim}" for name, dim in wide.items())
        choices.append(Choice(f"model.feature_components={_WIDE}", f"dimensions: {shown}"))
    return choices


def users_a_step(users: int, likes: int) -> int:
    """So many that a step takes about as long on any graph, a multiple of the least.

    What a step costs grows with the likes of its users, which are candidates, and with users times candidates: as many
    likes a step would be too many users where each likes little, and as many scores too few.
    """
    least, most = _BOUNDS
    wanted: float = _USERS * (_LIKES * users / max(likes, 1)) ** (2 / 3)
    return min(max(least * round(wanted / least), least), most)


def as_settings(choices: list[Choice]) -> dict[str, object]:
    """The settings as a nested dictionary, section by section."""
    values: dict[str, object] = {}
    for choice in choices:
        values = merge(values, parse_override(choice.setting))
    return values


def _threads() -> list[Choice]:
    if os.environ.get("OMP_NUM_THREADS"):
        return []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # one makes batches while the others compute; with two there is too little to share
    count = max(1, cores - 1) if cores > 2 else cores
    return [Choice(f"training.threads={count}", f"{cores} cores")]
