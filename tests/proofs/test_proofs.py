"""Every component earns its place where its signal is the answer, falls to chance without, and does no harm elsewhere.

Thresholds: over seeds 0 to 2 the share of the best ranking's recall@10 that the full model reached was at least what
``docs/synthetic_worlds.md`` lists; the bounds here leave a margin below that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hetmusic.synth.planted import DESIGNS, PlantedWorld
from tests.proofs.conftest import Laboratory

#: world -> least share of the best ranking's recall@10 and NDCG@10
CLOSE = {
    "only-friends": 0.80,
    "only-audio": 0.95,
    "only-lyrics": 0.87,
    "only-covers": 0.95,
    "only-emotion": 0.95,
    "only-heard-emotion": 0.85,
    "only-artist": 0.88,
    "only-co-listening": 0.78,
    "noisy-modality": 0.88,
    "missing-modality": 0.88,
}
#: worlds whose signal has one reader, without which nothing is left
TO_CHANCE = [name for name in CLOSE if not name.endswith("-modality")]

NO_KG = ("relations.sings.use=false", "relations.contains.use=false")
NO_FRIENDS = ("relations.friends.use=false",)
EMOTION = ("model.emotion=true",)


def test_every_world_is_proved() -> None:
    assert set(CLOSE) == set(DESIGNS)


@pytest.mark.parametrize("name", CLOSE)
def test_the_full_model_comes_close_to_the_best_ranking(name: str, laboratory: Laboratory) -> None:
    planted = laboratory.world(name)
    best, full = planted.evaluate(planted.oracle()), laboratory.test(name, planted.design.full)
    for metric in ("recall@10", "ndcg@10"):
        assert full[metric] > CLOSE[name] * best[metric]


@pytest.mark.parametrize("name", TO_CHANCE)
def test_without_the_component_chance_is_left(
    name: str, laboratory: Laboratory, blind_spread: Callable[[PlantedWorld], tuple[float, float]]
) -> None:
    planted = laboratory.world(name)
    without, chance = laboratory.test(name, planted.design.without), planted.chance()
    mean, spread = blind_spread(planted)
    assert mean == pytest.approx(chance["recall@10"], abs=4 * spread / np.sqrt(60))
    assert abs(without["recall@10"] - chance["recall@10"]) < 3 * spread
    assert laboratory.test(name, planted.design.full)["recall@10"] > chance["recall@10"] + 5 * spread


@pytest.mark.parametrize(
    ("name", "component", "added", "without"),
    [
        ("only-co-listening", "friends at random", (), NO_FRIENDS),
        ("only-co-listening", "artists at random", (), NO_KG),
        ("only-co-listening", "lyrics that say nothing", (), ("model.modalities=[]",)),
        ("only-audio", "friends and artists at random", (), (*NO_FRIENDS, *NO_KG)),
        ("noisy-modality", "sound that is another song's", (), ('model.modalities=["lyrics"]',)),
        ("missing-modality", "sound that half of the songs lack", (), ('model.modalities=["lyrics"]',)),
        ("only-co-listening", "emotions that say nothing", EMOTION, ()),
        ("only-audio", "emotions that say nothing", EMOTION, ()),
    ],
)
def test_a_component_without_signal_does_no_harm(
    name: str, component: str, added: tuple[str, ...], without: tuple[str, ...], laboratory: Laboratory
) -> None:
    """Not significantly worse than 95 % of the model without it, user by user; two worlds where listens alone tell."""
    full = laboratory.world(name).design.full
    excess = []
    for seed in (0, 1) if name == "only-co-listening" else (0,):
        on = laboratory.test(name, (*full, *added), seed).per_user["ndcg@10"]
        off = laboratory.test(name, (*full, *without), seed).per_user["ndcg@10"]
        excess.append(on - 0.95 * off)
    values = np.concatenate(excess)
    assert values.mean() > -2 * values.std(ddof=1) / np.sqrt(len(values)), component
    assert values.mean() > -0.03, component


@pytest.mark.parametrize("name", ["noisy-modality", "missing-modality"])
def test_the_better_modality_carries_the_songs_whose_other_one_fails(
    name: str, laboratory: Laboratory
) -> None:
    planted = laboratory.world(name)
    both, sound = laboratory.test(name, planted.design.full), laboratory.test(name, planted.design.without)
    assert both["ndcg@10"] > 1.3 * sound["ndcg@10"]
    assert sound["ndcg@10"] > 1.5 * planted.chance()["ndcg@10"]
