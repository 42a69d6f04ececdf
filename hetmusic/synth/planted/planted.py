"""A planted world with its split, its candidates, the best ranking and what is left without the signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.evaluation import Evaluation, evaluate
from hetmusic.graph.splits import TEST, TRAIN, VALID
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.synth.listens import make_friends
from hetmusic.synth.planted.catalogue import DESIGNS, WorldDesign
from hetmusic.synth.planted.latent import with_ties_broken
from hetmusic.synth.planted.parts import Parts
from hetmusic.synth.planted.theory import chance_ndcg, chance_recall
from hetmusic.synth.tags import song_emotions
from hetmusic.synth.world import World, assemble


@dataclass(frozen=True)
class Pairs:
    """Users and songs of one part of a split, as row numbers."""

    src: NDArray[np.int64]
    dst: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.src)


@dataclass(frozen=True)
class PlantedWorld:
    """A world made by a design. Row numbers of users and songs are their indices in the built graph."""

    design: WorldDesign
    world: World
    #: which listens are trained on, and which songs are ranked at the test
    parts: Parts

    @cached_property
    def train(self) -> Pairs:
        """Training listens."""
        return self._pairs(TRAIN)

    @cached_property
    def valid(self) -> Pairs:
        """Validation listens."""
        return self._pairs(VALID)

    @cached_property
    def test(self) -> Pairs:
        """Test listens."""
        return self._pairs(TEST)

    @property
    def items(self) -> NDArray[np.int64] | None:
        """Songs that are ranked; None means all."""
        return self.parts.candidates

    def evaluate(self, scorer: Scorer, ks: Sequence[int] = (10,)) -> Evaluation:
        """Test a model: the candidates are ranked, less what the user is known to have played."""
        return evaluate(scorer, self, ks=ks, metrics=("recall", "ndcg"))

    def oracle(self) -> EmbeddingScorer:
        """The scores by which the listens were drawn; no ranking is expected to be better."""
        return EmbeddingScorer(self.world.user_factors, self.world.item_factors)

    def chance(self, ks: Sequence[int] = (10,)) -> dict[str, float]:
        """Expected metrics of any ranking that is independent of the answers, see :mod:`~hetmusic.synth.planted.theory`.

        Without its signal, a design leaves nothing that tells candidates apart, so this is what a model without the
        component is expected to reach.

        :return: ``recall@K`` and ``ndcg@K`` for every K.
        """
        shape = (self.world.settings.users, self.world.settings.songs)
        known, wanted = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        wanted[self.test.src, self.test.dst] = True
        for part in (self.train, self.valid):
            known[part.src, part.dst] = True
        ranked = np.ones(shape[1], dtype=bool)
        if self.items is not None:
            ranked = np.isin(np.arange(shape[1]), self.items)
        tested = wanted.any(axis=1)
        candidates = (ranked & ~known[tested]).sum(axis=1)
        relevant = wanted[tested].sum(axis=1)
        expected = {}
        for k in ks:
            expected[f"recall@{k}"] = float(chance_recall(k, candidates).mean())
            expected[f"ndcg@{k}"] = float(chance_ndcg(k, candidates, relevant).mean())
        return expected

    def _pairs(self, label: int) -> Pairs:
        rows = self.world.listens.filter(pl.Series(self.parts.label == label))
        return Pairs(rows["user"].to_numpy(), rows["song"].to_numpy())


def make_planted(name: str, seed: int = 0, overrides: Mapping[str, Any] | None = None) -> PlantedWorld:
    """Plant a world of a design; the same name, seed and settings give the same world.

    :param name: of :data:`~hetmusic.synth.planted.catalogue.DESIGNS`.
    :param overrides: settings of :class:`~hetmusic.synth.WorldSettings`, such as sizes.
    :raises ConfigError: for an unknown design or setting, or one that the design does not leave open.
    """
    if name not in DESIGNS:
        raise ConfigError(
            f"no world is called {name!r}{did_you_mean(name, DESIGNS)}; there are {', '.join(DESIGNS)}"
        )
    design = DESIGNS[name]
    settings = design.world_settings(overrides or {})
    taste = design.taste(settings, seed)
    friends = make_friends(settings, with_ties_broken(taste, seed), seed)
    world = assemble(settings, taste, friends, song_emotions(settings, taste, seed), seed)
    world = design.finish(world, seed)
    return PlantedWorld(design, world, design.parts(settings, taste, world.listens, seed))
