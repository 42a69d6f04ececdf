"""Planted worlds, each built once, and models trained on them, each once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hetmusic.evaluation import Evaluation
from hetmusic.graph import MusicGraph
from hetmusic.ranking import EmbeddingScorer
from hetmusic.synth.planted import DESIGNS, PlantedWorld, make_planted
from hetmusic.synth.planted.proof import build_planted, measure

#: small and quick; all else is the default preset and what the world's design says
SMALL = (
    "model.dim=32",
    "training.epochs=20",
    "training.batch_size=64",
    # repeating what was played takes time away from what friends or sounds say, and here there are only 20 epochs
    "training.reconstruction=0",
)


class Laboratory:
    """Builds and trains on demand.

    :param folder: for graphs and runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._worlds: dict[tuple[str, int], tuple[PlantedWorld, MusicGraph]] = {}
        self._found: dict[tuple[str, int, tuple[str, ...]], Evaluation] = {}

    def world(self, name: str, seed: int = 0) -> PlantedWorld:
        """The planted world of a design."""
        return self._built(name, seed)[0]

    def test(self, name: str, settings: tuple[str, ...], seed: int = 0) -> Evaluation:
        """What a model reaches in a world."""
        key = (name, seed, settings)
        if key not in self._found:
            planted, graph = self._built(name, seed)
            out = self.folder / f"run{len(self._found)}"
            self._found[key] = measure(planted, graph, out, [*SMALL, f"seed={seed}", *settings])
        return self._found[key]

    def _built(self, name: str, seed: int) -> tuple[PlantedWorld, MusicGraph]:
        if (name, seed) not in self._worlds:
            # sounds and covers that the model does not read are not written; the rest of the world stays as it is
            design = DESIGNS[name]
            unread = (
                {"audio", "cover"} - set(design.modalities) - ({"audio"} if design.hears_emotion else set())
            )
            planted = make_planted(name, seed, {f"missing_{modality}": 1.0 for modality in unread})
            self._worlds[name, seed] = planted, build_planted(planted, self.folder / f"{name}-{seed}")
        return self._worlds[name, seed]


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return Laboratory(tmp_path_factory.mktemp("proofs"))


@pytest.fixture(scope="session")
def blind_spread() -> Callable[[PlantedWorld], tuple[float, float]]:
    """Mean and standard deviation over draws of a blind model's recall@10.

    Blind to the signal, a model may still rank alike for everybody of one taste, whom it knows from their listens. Then
    hits are not independent between users, and this is the widest that chance spreads.
    """

    def spread(planted: PlantedWorld, draws: int = 60) -> tuple[float, float]:
        rng, world = np.random.default_rng(0), planted.world
        of_user = np.eye(world.settings.styles)[world.taste.user_style]
        found = []
        for _ in range(draws):
            scores = EmbeddingScorer(
                of_user, rng.standard_normal((world.settings.songs, world.settings.styles))
            )
            found.append(planted.evaluate(scores)["recall@10"])
        return float(np.mean(found)), float(np.std(found, ddof=1))

    return spread
