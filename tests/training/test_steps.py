"""Settings reach what they are for, and a step is what it should be, wherever it is made."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hetmusic._io import locked
from hetmusic.errors import PluginError, UserError
from hetmusic.fitting import build_model, fit, resume
from hetmusic.graph.view import TrainingView
from hetmusic.recommend import Run
from hetmusic.relations.encoders import MeanEncoder
from hetmusic.testing.devices import OneDevice
from hetmusic.training.losses import Loss
from hetmusic.training.make_split import make_split
from hetmusic.training.optimizer import RowAdam, use_sparse_gradients
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer
from tests.training.runs import LOSSES, config, trainer_for
from tests.training.worlds import community_graph


@pytest.fixture(scope="module")
def partly_audible(tmp_path_factory):
    """The graph with audio features on two thirds of its artists."""
    graph = community_graph(tmp_path_factory.mktemp("graph") / "g")
    values = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    graph.add_modality("artist", "audio", values, keys=graph.keys("artist")[:20])
    return graph


class TestWiring:
    """Settings reach what they are for."""

    @pytest.mark.parametrize("loss", sorted(LOSSES))
    def test_training_and_validation_keep_to_the_catalogue_of_a_published_split(self, tmp_path, loss):
        graph = community_graph(tmp_path / "g")
        pairs = [
            (u, i) for u, i in zip(graph.interactions.src, graph.interactions.dst, strict=True) if i < 20
        ]
        rows = [f"u{u}\ta{i}\t{(0, 0, 0, 1, 2)[n % 5]}" for n, (u, i) in enumerate(pairs)]
        (tmp_path / "split.tsv").write_text("\n".join(["userID\titemID\tx_label", *rows, ""]))
        given = ['split.kind="file"', f"split.file={str(tmp_path / 'split.tsv')!r}"]
        trainer = trainer_for(graph, tmp_path / "run", *LOSSES[loss], *given)
        assert trainer.split.items.tolist() == list(range(20))
        for batch in trainer.batches.epoch(np.random.default_rng(0)):
            assert batch.item_ids.max() < 20
        # pushes every artist outside the catalogue to the top of every list: validation must not look at them
        with torch.no_grad():
            trainer.model.head.bias = torch.nn.Parameter((torch.arange(30) >= 20) * 1e6)
        outside = trainer.validate()
        trainer.model.head.bias = None
        assert outside == pytest.approx(trainer.validate(), abs=0.05)
        assert outside["ndcg@10"] > 0

    def test_weight_decay(self, graph, tmp_path):
        trainer = trainer_for(graph, tmp_path, "training.weight_decay=0.25")
        assert trainer.optimizer.param_groups[0]["weight_decay"] == 0.25

    def test_tower_loss(self, partly_audible, tmp_path):
        values = []
        for weight in (0.0, 1.0, 2.0):
            trainer = trainer_for(partly_audible, tmp_path, f"training.tower_loss={weight}")
            batch = next(trainer.batches.epoch(np.random.default_rng(0)))
            values.append(trainer.loss_of(batch).item())
        assert values[1] > values[0]
        assert values[2] - values[1] == pytest.approx(values[1] - values[0], rel=1e-4)

    def test_absent_modalities_do_not_count(self, partly_audible, tmp_path):
        trainer = trainer_for(partly_audible, tmp_path)
        blocks = trainer.full_blocks()
        model = trainer.model
        final, _, audio = model.score_views(model.encode_users(blocks), model.encode_items(blocks), None)
        assert audio.present.tolist() == [True] * 20 + [False] * 10
        assert not final.items[20:, 8:].any()
        assert final.items[:20, 8:].any(dim=1).all()

    def test_presence_follows_sampled_nodes(self, partly_audible, tmp_path):
        seen = []

        class Watching(MeanEncoder):
            def forward(self, relation, src, dst):
                seen.append((src.h, src.present))
                return super().forward(relation, src, dst)

        trainer = trainer_for(partly_audible, tmp_path, "training.propagation=sampled", "training.fanout=3")
        tower = trainer.model.towers["audio"]
        tower.layers[0].encoders["artist__liked_by__user"] = Watching(8)
        batch = next(trainer.batches.epoch(np.random.default_rng(0)))
        trainer.model.encode_users(batch.user_blocks)
        artists = batch.user_blocks.input_nodes["artist"]
        assert seen[0][1].tolist() == (artists < 20).tolist()

    def test_threads(self, graph, tmp_path):
        before = torch.get_num_threads()
        try:
            fit(graph, config("training.epochs=1", f"training.threads={before + 1}"), tmp_path / "run")
            assert torch.get_num_threads() == before + 1
        finally:
            torch.set_num_threads(before)

    def test_a_leak_stops_the_fit(self, graph, tmp_path, monkeypatch):
        monkeypatch.setattr(TrainingView, "_visible", lambda self, edge_type: self.graph.edges(edge_type))
        with pytest.raises(UserError, match=r"gives held-out pairs away: LEAKAGE"):
            fit(graph, config("training.epochs=1"), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_run_in_use_is_left_alone(self, graph, tmp_path):
        run = fit(graph, config("training.epochs=1"), tmp_path / "run")
        with locked(run.path):
            for attempt in (
                lambda: resume(run.path, epochs=2),
                lambda: fit(graph, config("training.epochs=1"), run.path, overwrite=True),
            ):
                with pytest.raises(UserError, match="in use by another process"):
                    attempt()
        assert Run.open(run.path).metrics["best_epoch"] == 0


class TestOneStep:
    def test_step_is_adam_on_the_gradient_of_the_loss(self, graph, tmp_path):
        """Adam's first step moves every touched weight by lr against the sign of its gradient, and no other weight."""
        chosen = config("training.averaging=0.0", "model.score=inner")
        split = make_split(graph, chosen.split)
        model, view = build_model(graph, split, chosen)
        trainer = Trainer(model, GraphTensors.from_view(view, model.edge_types), split, chosen, tmp_path)
        batch = next(trainer.batches.epoch(np.random.default_rng(0)))
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        trainer._step(batch)
        moved = 0
        for name, parameter in model.named_parameters():
            change = parameter.detach() - before[name]
            if parameter.grad is None:
                assert not change.abs().any()
                continue
            significant = parameter.grad.abs() > 1e-4
            moved += int(significant.sum())
            assert torch.allclose(change[significant], -0.05 * parameter.grad.sign()[significant], rtol=1e-2)
        assert moved > 100

    def test_gradients_do_not_pile_up(self, graph, tmp_path):
        chosen = config("training.averaging=0.0", "training.lr=1e-12")
        split = make_split(graph, chosen.split)
        model, view = build_model(graph, split, chosen)
        trainer = Trainer(model, GraphTensors.from_view(view, model.edge_types), split, chosen, tmp_path)
        batch = next(trainer.batches.epoch(np.random.default_rng(0)))
        trainer._step(batch)
        first = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        trainer._step(batch)
        second = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(first, second, strict=True))

    @staticmethod
    def on_meta(tmp_path, *settings, propagation="sampled"):
        """A trainer whose model is on the meta device, and a batch."""
        graph = community_graph(tmp_path / "g")
        keys = graph.keys("artist")[5:]
        graph.add_modality("artist", "audio", np.ones((len(keys), 3), np.float32), keys=keys)
        chosen = config(*settings, f"training.propagation={propagation}")
        split = make_split(graph, chosen.split)
        model, view = build_model(graph, split, chosen)
        trainer = Trainer(model, GraphTensors.from_view(view, model.edge_types), split, chosen, tmp_path)
        batch = next(trainer.batches.epoch(np.random.default_rng(0)))
        model.to("meta")
        trainer.device = torch.device("meta")
        return trainer, batch

    def test_a_part_of_the_model_left_on_the_cpu_is_caught(self, tmp_path):
        trainer, batch = self.on_meta(tmp_path, "training.sampled_candidates=9")
        assert trainer.loss_of(batch).is_meta
        features = trainer.model.towers["audio"].inputs["artist"]
        features.known = torch.ones(30, dtype=torch.bool, device="cpu")
        with pytest.raises(RuntimeError, match=r"meta|device"):
            trainer.loss_of(batch)

    @pytest.mark.parametrize("loss", sorted(LOSSES))
    def test_all_of_a_batch_is_moved(self, tmp_path, loss):
        """Counted and not left to errors: the meta device lets some mixes pass."""

        def devices(value):
            if isinstance(value, torch.Tensor):
                return {value.device.type}
            if isinstance(value, dict):
                value = list(value.values())
            elif hasattr(value, "__dict__"):
                value = list(vars(value).values())
            return set().union(*map(devices, value)) if isinstance(value, list | tuple) else set()

        _, batch = self.on_meta(tmp_path, *LOSSES[loss])
        moved = batch.to(torch.device("meta"))
        assert devices(batch) == {"cpu"}
        assert devices(moved) == {"meta"}
        assert devices(dataclasses.replace(moved, target_rows=batch.target_rows)) == {"cpu", "meta"}
        block = next(iter(batch.user_blocks.layers[0].blocks.values()))
        layer = dataclasses.replace(moved.user_blocks.layers[0], blocks={block.edge_type: block})
        mixed = dataclasses.replace(moved.user_blocks, layers=[layer])
        assert devices(dataclasses.replace(moved, user_blocks=mixed)) == {"cpu", "meta"}

    def test_a_loss_that_makes_tensors_on_the_cpu_is_caught(self, tmp_path):
        trainer, batch = self.on_meta(tmp_path, "training.sampled_candidates=9")
        honest = trainer.objective.loss

        class Careless(Loss):
            def forward(self, view, batch):
                users = view.users * torch.full((len(view.users), 1), 0.5)
                return honest(dataclasses.replace(view, users=users), batch)

        trainer.objective.loss = Careless()
        with pytest.raises(PluginError, match=r"loss Careless failed.*(meta|device)"):
            trainer.loss_of(batch)

    @pytest.mark.parametrize("loss", sorted(LOSSES))
    @pytest.mark.parametrize("propagation", ["full", "sampled"])
    def test_whole_step_on_the_meta_device(self, tmp_path, loss, propagation):
        """Batch, model, loss, backward and Adam on a device that is not the CPU: whatever stays behind raises."""
        settings = (*LOSSES[loss], 'relations.friends.encoder="gated"')
        trainer, batch = self.on_meta(tmp_path, *settings, propagation=propagation)
        model = trainer.model
        trainer.optimizer = RowAdam(model.parameters())
        # the meta device cannot sum up sparse gradients; tests/training/test_optimizer.py has their update there
        use_sparse_gradients(model, False)
        with OneDevice():
            loss_value = trainer.loss_of(batch)
            loss_value.backward()
            trainer.optimizer.step()
        assert loss_value.device.type == "meta"
        assert "audio" in model.towers
        assert {p.grad.device.type for p in model.parameters() if p.grad is not None} == {"meta"}
