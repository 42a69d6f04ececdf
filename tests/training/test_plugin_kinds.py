"""Losses, combiners and samplers of other packages, their arguments, and what they do wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.experiments.models import with_implied
from hetmusic.fitting import fit, resume
from hetmusic.run_layout import RunInfo
from hetmusic.training.losses import BPRLoss
from hetmusic.training.sampling import NeighborSampler
from tests.training.plugins import Last, Sharper, config

OWN = "tests.training.plugins"


class Fewer(NeighborSampler):
    """At most ``most`` neighbours, and it remembers that it was asked."""

    asked = 0

    def __init__(self, graph, fanouts, per_relation=None, most: int = 3) -> None:
        super().__init__(graph, [min(f, most) for f in fanouts], per_relation)

    def sample(self, seeds, rng, dropped=None):
        type(self).asked += 1
        return super().sample(seeds, rng, dropped)


class TestOtherKinds:
    def test_loss_combiner_and_sampler_with_arguments(self, graph, tmp_path):
        chosen = config(
            f"training.loss={OWN}:Sharper",
            "training.loss_arguments.factor='2'",
            f"model.combine={OWN}:Last",
            "model.combine_arguments.scale=0.5",
            f"training.sampler={__name__}:Fewer",
            "training.sampler_arguments.most=2",
            "training.propagation=sampled",
            "training.negatives=1",
        )
        Fewer.asked = 0
        fit(graph, chosen, tmp_path / "run")
        assert Fewer.asked > 0
        kinds = {record.kind: record.used_by for record in RunInfo.load(tmp_path / "run").plugins.values()}
        assert kinds == {
            "loss": ["training.loss"],
            "combiner": ["model.combine"],
            "sampler": ["training.sampler"],
        }
        assert resume(tmp_path / "run", epochs=3).info.status == "finished"

    def test_instances_are_written_down_with_what_they_were_made_with(self, graph, tmp_path):
        """So that a run that is gone on with has the same loss and combiner."""
        names = [
            f"training.loss={OWN}:Sharper",
            f"model.combine={OWN}:Last",
            "training.negatives=1",
        ]
        arguments = ["training.loss_arguments.factor=3.0", "model.combine_arguments.scale=0.5"]
        named = config(*names, *arguments, "towers.ids.combine=max")
        ready = config(*names, "towers.ids.combine=max")
        ready.training.loss, ready.model.combine, ready.towers["ids"].combine = (
            Sharper(3.0),
            Last(8, scale=0.5),
            Last(8, 0.2),
        )
        named.towers["ids"].combine, named.towers["ids"].combine_arguments = (
            f"{OWN}:Last",
            {"scale": 0.2},
        )
        assert ready.model_dump() == named.model_dump()
        runs = [fit(graph, chosen, tmp_path / name) for name, chosen in (("named", named), ("ready", ready))]
        results = [resume(run.path, epochs=3).user_embeddings[:] for run in runs]
        assert np.array_equal(*results)

    def test_instances_in_the_settings_of_a_comparison(self):
        settings = {"model.combine": Last(8, 0.5), "training": {"loss": Sharper(3.0)}}
        found = with_implied("mmgnn", settings)
        assert found["model"] == {"combine": f"{OWN}:Last", "combine_arguments": {"scale": 0.5}}
        assert found["training"] == {"loss": f"{OWN}:Sharper", "loss_arguments": {"factor": 3.0}}
        with pytest.raises(
            ConfigError, match=r"the loss is a ready Sharper object, which factor=2 beside it"
        ):
            with_implied("mmgnn", {**settings, "training.loss_arguments.factor": 2})

    def test_arguments_reach_the_loss(self, graph, tmp_path):
        losses = []
        for factor in (1, 3):
            chosen = config(
                f"training.loss={OWN}:Sharper",
                f"training.loss_arguments.factor={factor}",
                "training.negatives=1",
                "training.epochs=1",
                "training.tower_loss=0",
                "training.batch_size=100000",
            )
            run = fit(graph, chosen, tmp_path / str(factor))
            losses.append(float((run.path / "history.jsonl").read_text().split('"loss": ')[1].split(",")[0]))
        assert losses[1] == pytest.approx(3 * losses[0], rel=1e-4)


class Raising(BPRLoss):
    def forward(self, view, batch):
        raise KeyError("margin")


class PerTarget(BPRLoss):
    def forward(self, view, batch):
        return super().forward(view, batch).expand(3)


class Detached(BPRLoss):
    def forward(self, view, batch):
        return super().forward(view, batch).detach()


class Plain(BPRLoss):
    def forward(self, view, batch):
        return super().forward(view, batch).item()


class Learned(BPRLoss):
    def __init__(self) -> None:
        super().__init__()
        self.margin = torch.nn.Parameter(torch.ones(()))


class Lost(NeighborSampler):
    def sample(self, seeds, rng, dropped=None):
        raise IndexError("no such neighbour")


@pytest.mark.parametrize(
    ("key", "plugin", "message"),
    [
        ("loss", "Raising", r"loss Raising failed: KeyError: 'margin' \(.*test_plugin_kinds\.py, line \d+\)"),
        ("loss", "PerTarget", r"loss PerTarget returned shape \(3,\), not a scalar: return value\.mean\(\)"),
        ("loss", "Detached", "loss Detached returned a value without gradient"),
        ("loss", "Plain", "loss Plain returned a float, not a tensor"),
        ("loss", "Learned", r"loss Learned has parameters of its own \(margin\)"),
        ("sampler", "Lost", r"sampler Lost failed: IndexError: no such neighbour \(.*line \d+\)"),
    ],
)
def test_mistakes_in_losses_and_samplers(graph, tmp_path, key, plugin, message):
    with pytest.raises(ConfigError, match=message):
        fit(
            graph,
            config("training.propagation=sampled", f"training.{key}={__name__}:{plugin}"),
            tmp_path / "run",
        )
    assert not (tmp_path / "run").exists()
