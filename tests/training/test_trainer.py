"""The loop as a whole: it learns, stops, saves, resumes to the last bit, and survives being killed."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from typing import ClassVar

import numpy as np
import pytest
import torch

from hetmusic._io import locked
from hetmusic.errors import PluginError, RunError, SplitError, UserError
from hetmusic.evaluation import evaluate
from hetmusic.fitting import build_model, fit, resume
from hetmusic.graph.view import TrainingView
from hetmusic.ranking import EmbeddingScorer
from hetmusic.recommend import Run
from hetmusic.relations import RelationEncoder
from hetmusic.relations.encoders import MeanEncoder
from hetmusic.run_layout import RunInfo
from hetmusic.training import load_config, make_config
from hetmusic.training.checkpoint import StateFolder
from hetmusic.training.events import TrainingObserver
from hetmusic.training.losses import Loss
from hetmusic.training.make_split import make_split
from hetmusic.training.optimizer import RowAdam, use_sparse_gradients
from hetmusic.training.stopping import EarlyStopping
from hetmusic.training.tensors import GraphTensors, trained_items
from hetmusic.training.trainer import DivergedError, Trainer, validation_users
from tests.devices import OneDevice
from tests.training.worlds import community_graph

FAST = [
    "model.dim=8",
    "training.batch_size=16",
    "training.epochs=6",
    "training.lr=0.05",
    "training.averaging=0.5",
]


def config(*overrides):
    return load_config(overrides=[*FAST, *overrides])


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return community_graph(tmp_path_factory.mktemp("graph") / "g")


def weights(run_folder):
    return (run_folder / "embeddings" / "user.npy").read_bytes(), (
        run_folder / "embeddings" / "item.npy"
    ).read_bytes()


LOSSES = {
    "softmax": [],
    "sampled_softmax": ["training.loss=sampled_softmax", "training.negatives=8", "training.edge_dropout=0.3"],
    "bpr": ["training.loss=bpr", "training.negatives=1", "training.edge_dropout=0.0"],
}


class TestLearning:
    @pytest.mark.parametrize("propagation", ["full", "sampled"])
    @pytest.mark.parametrize("loss", sorted(LOSSES))
    def test_finds_the_communities(self, graph, tmp_path, loss, propagation):
        """Users like 10 of their community's 15 artists: within the right half, chance gives 1 in 7 or so."""
        chosen = config(
            *LOSSES[loss], f"training.propagation={propagation}", "training.epochs=15", "training.fanout=5"
        )
        run = fit(graph, chosen, tmp_path / "run")
        top = run.recommend(run.user_keys, k=3)
        sides = [
            (int(user[1:]) % 2 == 0) == (int(item.item_key[1:]) < 15)
            for user, items in top.items()
            for item in items
        ]
        assert np.mean(sides) > 0.95

    def test_paper_head_with_social_tower(self, graph, tmp_path):
        chosen = config(
            *LOSSES["bpr"], 'model.head="paper"', "model.social_tower=true", "model.inductive_users=false",
            "model.separate_output=false", 'relations.likes.encoder="mean"', 'relations.friends.encoder="mean"',
            "training.epochs=25",
        )  # fmt: skip
        run = fit(graph, chosen, tmp_path / "run")
        top = run.recommend(run.user_keys, k=3)
        sides = [
            (int(u[1:]) % 2 == 0) == (int(i.item_key[1:]) < 15) for u, items in top.items() for i in items
        ]
        assert np.mean(sides) > 0.8

    def test_loss_falls(self, graph, tmp_path):
        fit(graph, config(), tmp_path / "run")
        history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
        assert [record["epoch"] for record in history] == list(range(6))
        assert history[-1]["loss"] < 0.8 * history[0]["loss"]

    def test_stored_embeddings_give_the_best_validation_value(self, graph, tmp_path):
        run = fit(graph, config(), tmp_path / "run")
        history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
        best = max(history, key=lambda record: record["valid_ndcg@10"])
        assert run.metrics["best_epoch"] == best["epoch"]
        assert run.evaluate(part="valid")["ndcg@10"] == pytest.approx(best["valid_ndcg@10"], abs=1e-6)

    def test_metrics_beside_the_one_that_decides_are_in_the_history(self, graph, tmp_path):
        run = fit(graph, config('training.also_measured=["recall@5", "ndcg@3"]'), tmp_path / "run")
        lines = (run.path / "history.jsonl").read_text().splitlines()
        best = json.loads(lines[run.metrics["best_epoch"]])
        found = run.evaluate(part="valid", ks=[3, 5, 10])
        for name in ("ndcg@10", "recall@5", "ndcg@3"):
            assert best[f"valid_{name}"] == pytest.approx(found[name], abs=1e-6)
        plain = fit(graph, config(), tmp_path / "plain")
        assert weights(plain.path) == weights(run.path)

    def test_bias_starts_from_popularity(self, graph, tmp_path):
        chosen = config('model.item_bias="popularity"', "training.lr=1e-9", "training.epochs=1")
        run = fit(graph, chosen, tmp_path / "run")
        counts = np.bincount(run.split.train.dst, minlength=len(run.item_keys))
        items = np.asarray(run.scorer.item_embeddings)
        assert counts.std() > 0
        assert items[:, -1] == pytest.approx(np.log1p(counts), abs=1e-5)


class TestExactResume:
    @pytest.mark.parametrize(
        "extra",
        [[], LOSSES["sampled_softmax"], ["training.propagation=sampled"], ["training.validate_every=2"]],
    )
    def test_stopped_and_resumed_equals_never_stopped(self, graph, tmp_path, extra):
        whole = fit(graph, config(*extra), tmp_path / "whole")
        fit(graph, config(*extra, "training.epochs=3"), tmp_path / "parts")
        resume(tmp_path / "parts", epochs=5)
        resumed = resume(tmp_path / "parts", epochs=6)
        assert weights(whole.path) == weights(resumed.path)
        for name in ("best.safetensors",):
            assert (whole.path / "weights" / name).read_bytes() == (
                resumed.path / "weights" / name
            ).read_bytes()
        assert _losses(whole.path) == _losses(resumed.path)

    def test_another_seed_gives_another_run(self, graph, tmp_path):
        one, two = (fit(graph, config(f"seed={seed}"), tmp_path / str(seed)) for seed in (0, 1))
        assert weights(one.path) != weights(two.path)

    def test_killed_and_resumed_equals_never_stopped(self, graph, tmp_path):
        """SIGKILL in the middle of an epoch, from outside."""
        chosen = ["training.epochs=60", "training.patience=60"]
        out = tmp_path / "killed"
        code = (
            "import sys\nfrom pathlib import Path\nfrom hetmusic import MusicGraph\n"
            "from hetmusic import fit, load_config\n"
            "fit(MusicGraph.open(sys.argv[1]), load_config(overrides=sys.argv[3:]), Path(sys.argv[2]))\n"
        )
        command = [sys.executable, "-c", code, str(graph.path), str(out), *FAST, *chosen]
        environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
        process = subprocess.Popen(command, env=environment)
        _wait_for_epoch(out, 3, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len((out / "history.jsonl").read_text().splitlines())
        assert 3 <= done < 60
        with pytest.raises(RunError, match="not finished"):
            Run.open(out)
        resumed = resume(out)
        whole = fit(graph, config(*chosen), tmp_path / "whole")
        assert weights(whole.path) == weights(resumed.path)
        assert _losses(whole.path) == _losses(resumed.path)


def _losses(folder):
    records = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in record.items() if not key.endswith("seconds")} for record in records
    ]


def _wait_for_epoch(folder, epochs, process):
    deadline = time.monotonic() + 120
    history = folder / "history.jsonl"
    while not (history.exists() and len(history.read_text().splitlines()) >= epochs):
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < deadline, "training did not get going"
        time.sleep(0.005)


class NoisyEncoder(MeanEncoder):
    """An encoder that draws from torch's own generator."""

    def forward(self, relation, src, dst):
        return torch.nn.functional.dropout(super().forward(relation, src, dst), 0.3, self.training)


def test_resume_is_exact_with_an_encoder_that_draws(graph, tmp_path):
    noisy = ['relations.liked_by.encoder="tests.training.test_trainer:NoisyEncoder"']
    whole = fit(graph, config(*noisy, "training.epochs=4"), tmp_path / "whole")
    fit(graph, config(*noisy, "training.epochs=2"), tmp_path / "parts")
    torch.manual_seed(5)  # whatever state the caller's generator is in
    assert weights(resume(tmp_path / "parts", epochs=4).path) == weights(whole.path)
    plain = fit(graph, config("training.epochs=4"), tmp_path / "plain")
    assert weights(plain.path) != weights(whole.path)


class Interrupting(TrainingObserver):
    """Presses Ctrl-C in a step of an epoch."""

    def __init__(self, epoch):
        self.epoch, self.seen = epoch, 0

    def on_epoch(self, record):
        self.seen = record["epoch"] + 1

    def on_batch(self, done, total, loss):
        if self.seen == self.epoch:
            raise KeyboardInterrupt


class TestInterruption:
    def test_interrupted_run_says_so_and_goes_on(self, graph, tmp_path):
        out = tmp_path / "run"
        with pytest.raises(KeyboardInterrupt):
            fit(graph, config(), out, [Interrupting(3)])
        assert RunInfo.load(out).status == "interrupted"
        with pytest.raises(RunError, match="interrupted"):
            Run.open(out)
        resumed = resume(out)
        assert weights(fit(graph, config(), tmp_path / "whole").path) == weights(resumed.path)

    def test_interrupted_before_the_first_epoch_starts_over(self, graph, tmp_path):
        out = tmp_path / "run"
        with pytest.raises(KeyboardInterrupt):
            fit(graph, config(), out, [Interrupting(0)])
        assert weights(resume(out).path) == weights(fit(graph, config(), tmp_path / "whole").path)

    def test_diverging_loss_is_explained(self, graph, tmp_path):
        chosen = config("training.lr=1e30", "model.score=inner")
        with pytest.raises(DivergedError, match=r"the loss became (nan|inf).*--set training.lr="):
            fit(graph, chosen, tmp_path / "run")
        assert not (tmp_path / "run").exists()


class Fails(RelationEncoder):
    """The mean, which moves a running statistic along and fails in a call of one's choice."""

    calls: ClassVar[int] = 0
    at: ClassVar[int] = -1

    def __init__(self, dim):
        super().__init__(dim)
        self.register_buffer("seen", torch.zeros(()))

    def message(self, src, dst, edge):
        type(self).calls += 1
        if self.calls == self.at:
            raise ZeroDivisionError("not now")
        if self.training:
            self.seen.add_(1)
        return src.h + 0.01 * self.seen


class Reasons(TrainingObserver):
    def __init__(self):
        self.found = []

    def on_end(self, reason):
        self.found.append(reason)


class TestMistakesOfPlugins:
    """What fails before anything is trained leaves nothing behind; what fails later can be gone on with."""

    @pytest.fixture
    def failing(self, monkeypatch):
        def at(call):
            monkeypatch.setattr(Fails, "calls", 0)
            monkeypatch.setattr(Fails, "at", call)
            return config(f"relations.liked_by.encoder={__name__}:Fails", "training.epochs=3")

        return at

    def test_in_the_first_step(self, graph, tmp_path, failing):
        ended = Reasons()
        with pytest.raises(PluginError, match="ZeroDivisionError: not now"):
            fit(graph, failing(1), tmp_path / "runs" / "run", [ended])
        assert list(tmp_path.iterdir()) == []
        assert ended.found == ["an error in epoch 0"]
        fit(graph, failing(-1), tmp_path / "runs" / "run")

    def test_in_a_later_epoch(self, graph, tmp_path, failing):
        whole = fit(graph, failing(-1), tmp_path / "whole")
        calls, ended = Fails.calls, Reasons()
        with pytest.raises(PluginError):
            fit(graph, failing(calls // 2), tmp_path / "run", [ended])
        assert RunInfo.load(tmp_path / "run").status == "interrupted"
        assert ended.found == ["an error in epoch 1"]
        failing(-1)
        assert weights(resume(tmp_path / "run").path) == weights(whole.path)

    def test_does_not_cost_the_run_that_would_be_replaced(self, graph, tmp_path, failing):
        old = weights(fit(graph, config(), tmp_path / "run").path)
        with pytest.raises(PluginError):
            fit(graph, failing(1), tmp_path / "run", overwrite=True)
        assert weights(tmp_path / "run") == old
        assert Run.open(tmp_path / "run").info.status == "finished"

    def test_trying_out_changes_nothing(self, graph, tmp_path, failing):
        fit(graph, failing(-1), tmp_path / "run")
        first = weights(tmp_path / "run")
        fit(graph, failing(-1), tmp_path / "run", overwrite=True)
        assert weights(tmp_path / "run") == first


class TestResumeMistakes:
    def test_graph_gone(self, tmp_path):
        graph = community_graph(tmp_path / "g")
        fit(graph, config("training.epochs=1"), tmp_path / "run")
        graph.path.rename(tmp_path / "moved")
        with pytest.raises(RunError, match=r"the graph folder .* is gone"):
            resume(tmp_path / "run", epochs=2)

    def test_graph_changed(self, tmp_path):
        graph = community_graph(tmp_path / "g")
        run = fit(graph, config("training.epochs=1"), tmp_path / "run")
        graph.path.rename(tmp_path / "old")
        community_graph(tmp_path / "g", seed=5)
        with pytest.raises(RunError, match="not the graph that"):
            _ = Run(run.path, run.info).graph

    @pytest.mark.parametrize("name", ["trainer.json", "model.safetensors", "optimizer.safetensors"])
    def test_damaged_state(self, graph, tmp_path, name):
        fit(graph, config("training.epochs=1"), tmp_path / "run")
        (state,) = (tmp_path / "run" / "state").glob(f"epoch-*/{name}")
        state.write_bytes(state.read_bytes()[:20])
        with pytest.raises(RunError, match=name):
            resume(tmp_path / "run", epochs=2)

    def test_not_a_run(self, tmp_path):
        with pytest.raises(RunError, match="no such folder"):
            resume(tmp_path / "nothing")

    def test_weights_of_another_structure(self, graph, tmp_path):
        fit(graph, config("training.epochs=1"), tmp_path / "run")
        path = tmp_path / "run" / "config.toml"
        path.write_text(path.read_text().replace("dim = 8", "dim = 16"))
        with pytest.raises(RunError, match="does not fit the model"):
            resume(tmp_path / "run", epochs=2)


class TestResumeWithFeatures:
    @pytest.fixture
    def featured(self, tmp_path):
        graph = community_graph(tmp_path / "g")
        graph.add_modality("artist", "audio", np.eye(30, dtype=np.float32), keys=graph.keys("artist"))
        return graph

    def test_a_modality_added_later_changes_nothing(self, featured, tmp_path):
        whole = fit(featured, config("training.epochs=4"), tmp_path / "whole")
        fit(featured, config("training.epochs=2"), tmp_path / "parts")
        featured.add_modality("artist", "text", np.eye(30, dtype=np.float32), keys=featured.keys("artist"))
        assert weights(resume(tmp_path / "parts", epochs=4).path) == weights(whole.path)

    def test_a_modality_that_was_replaced_is_refused(self, featured, tmp_path):
        fit(featured, config("training.epochs=1"), tmp_path / "run")
        values = np.ones((30, 4), np.float32)
        featured.add_modality("artist", "audio", values, keys=featured.keys("artist"), overwrite=True)
        with pytest.raises(RunError, match=r"audio\.npy is not what the run was fitted on"):
            resume(tmp_path / "run", epochs=2)

    def test_fewer_epochs_than_done_are_refused(self, featured, tmp_path):
        fit(featured, config("training.epochs=3"), tmp_path / "run")
        before = (tmp_path / "run" / "config.toml").read_text()
        with pytest.raises(UserError, match="already been trained for 3 epochs"):
            resume(tmp_path / "run", epochs=2)
        assert (tmp_path / "run" / "config.toml").read_text() == before
        Run.open(tmp_path / "run")


def test_cold_items_are_not_pushed_down(tmp_path):
    """Artists nobody in training likes, told apart by their features alone (they have no tags either)."""
    graph = community_graph(tmp_path / "g", users=80, artists=60)
    side = np.repeat([[1.0, 0.0], [0.0, 1.0]], 30, axis=0).astype(np.float32)
    noise = np.random.default_rng(0).normal(scale=0.1, size=(60, 2)).astype(np.float32)
    graph.add_modality("artist", "audio", side + noise, keys=graph.keys("artist"))
    chosen = config(
        "split.kind=cold-items", "split.share=0.2", "model.id_tower=false", "model.id_embedding=false",
        "relations.genre_of.use=false", "training.epochs=20", "training.patience=20",
    )  # fmt: skip
    run = fit(graph, chosen, tmp_path / "run")
    cold = np.unique(run.split.test.dst)
    assert not np.isin(cold, run.split.train.dst).any()
    scores = run.scorer.scores(np.arange(80), 0, 60)[:, cold]
    own = (np.arange(80)[:, None] % 2) == (cold[None, :] >= 30)
    assert scores[own].mean() > scores[~own].mean() + 1
    # they are no candidates of training unless that is asked for
    assert trained_items(run.split, "auto").tolist() == np.unique(run.split.train.dst).tolist()
    assert trained_items(run.split, "catalogue") is None


class TestFitMistakes:
    def test_existing_folder_is_not_touched(self, graph, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "mine.txt").write_text("keep")
        with pytest.raises(UserError, match="already exists"):
            fit(graph, config(), tmp_path / "run")
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]

    def test_overwrite_refuses_a_folder_that_is_no_run(self, graph, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "thesis.txt").write_text("keep")
        with pytest.raises(RunError, match="not a run"):
            fit(graph, config(), tmp_path / "run", overwrite=True)
        assert (tmp_path / "run" / "thesis.txt").exists()

    def test_split_without_validation(self, graph, tmp_path):
        with pytest.raises(SplitError, match="no valid interactions"):
            fit(graph, config("split.ratios=[0.8, 0.0, 0.2]"), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ("training.metric=coverage@10", "is a property of the catalogue"),
            ('training.also_measured=["coverage@10"]', "is a property of the catalogue"),
            ("model.head=lat", "no head is called 'lat' (did you mean 'late'?)"),
            ("training.loss=sofmax", "no loss is called 'sofmax' (did you mean 'softmax'?)"),
        ],
    )
    def test_wrong_names_are_found_before_training(self, graph, tmp_path, setting, message):
        with pytest.raises(UserError) as problem:
            fit(graph, config(setting), tmp_path / "run")
        assert message in str(problem.value)
        assert not (tmp_path / "run").exists()

    def test_wrong_metric_is_found_before_training(self, graph, tmp_path):
        with pytest.raises(UserError, match="ndgc"):
            fit(graph, config("training.metric=ndgc@10"), tmp_path / "run")
        assert not (tmp_path / "run").exists()


class TestObservers:
    def test_events_come_in_order(self, graph, tmp_path):
        heard = []

        class Listener(TrainingObserver):
            def on_run(self, folder, config):
                heard.append(("run", folder.name, config["training"]["epochs"]))

            def on_start(self, info):
                heard.append(("start", info["first_epoch"]))

            def on_batch(self, done, total, loss):
                heard.append(("batch", done, total))

            def on_epoch(self, record):
                heard.append(("epoch", record["epoch"]))

            def on_end(self, reason):
                heard.append(("end", reason))

            def on_result(self, metrics):
                heard.append(("result", metrics))

        run = fit(graph, config("training.epochs=1"), tmp_path / "run", [Listener()])
        batches = [("batch", k, 3) for k in (1, 2, 3)]
        ended = [("end", "epochs"), ("result", run.metrics["values"])]
        assert heard == [("run", "run", 1), ("start", 0), *batches, ("epoch", 0), *ended]


def test_early_stopping_rule():
    rule = EarlyStopping(patience=2)
    assert [rule.update(value, epoch) for epoch, value in enumerate([0.1, 0.3, 0.3])] == [True, True, False]
    assert not rule.should_stop
    assert not rule.update(0.2, 3)
    assert rule.should_stop
    assert (rule.best, rule.best_epoch) == (0.3, 1)


def test_early_stopping_ends_training(graph, tmp_path):
    run = fit(graph, config("training.epochs=200", "training.patience=2"), tmp_path / "run")
    epochs = len((run.path / "history.jsonl").read_text().splitlines())
    assert epochs == run.metrics["best_epoch"] + 3


def trainer_for(graph, folder, *overrides):
    chosen = config(*overrides)
    split = make_split(graph, chosen.split)
    model, view = build_model(graph, split, chosen)
    return Trainer(model, GraphTensors.from_view(view, model.edge_types), split, chosen, folder)


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
        with pytest.raises(RuntimeError, match=r"meta|device"):
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


def test_state_folder_keeps_one_epoch(graph, tmp_path):
    fit(graph, config("training.epochs=3"), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "state").glob("epoch-*")] == ["epoch-00002"]
    assert not list((tmp_path / "run").rglob("*.tmp"))
    assert not list((tmp_path / "run").rglob("*.pkl"))
    assert StateFolder(tmp_path / "run" / "state").exists


def test_config_of_a_run_is_complete(graph, tmp_path):
    run = fit(graph, config("training.epochs=1"), tmp_path / "run")
    assert run.config["training"]["tower_loss"] == 1.0
    written = make_config(run.config)
    assert written.model.modalities == []
    expected = config("training.epochs=1", "model.modalities=[]")
    assert written == expected


def test_relations_used_in_no_direction_are_reported(graph, tmp_path, caplog):
    fit(graph, config("training.epochs=1", "relations.friends.use=false"), tmp_path / "run")
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "does not use: friends (add" in warning.getMessage()


def test_large_catalogue_is_advised_to_sample(graph, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("hetmusic.training.trainer.FULL_SOFTMAX_ITEMS", 29)
    fit(graph, config("training.epochs=1"), tmp_path / "run")
    assert "30 candidates are many" in caplog.text
    caplog.clear()
    fit(graph, config("training.epochs=1", *LOSSES["sampled_softmax"]), tmp_path / "other")
    assert "candidates are many" not in caplog.text


class TestLargeGraphs:
    SETTINGS = ("training.propagation=sampled", "training.sampled_candidates=6", "training.averaging=0.9")

    def test_batches_made_ahead_change_nothing(self, graph, tmp_path):
        histories = []
        for ahead in (0, 3):
            fit(
                graph,
                config(*self.SETTINGS, "training.epochs=2", f"training.prefetch={ahead}"),
                tmp_path / str(ahead),
            )
            histories.append(_losses(tmp_path / str(ahead)))
        assert histories[0] == histories[1]

    def test_resuming_is_exact_with_late_averages(self, graph, tmp_path):
        whole = fit(graph, config(*self.SETTINGS, "training.epochs=4"), tmp_path / "whole")
        fit(graph, config(*self.SETTINGS, "training.epochs=2"), tmp_path / "parts")
        parts = resume(tmp_path / "parts", epochs=4)
        assert whole.metrics == parts.metrics
        assert weights(tmp_path / "whole") == weights(tmp_path / "parts")

    def test_validation_of_some_users_is_that_of_the_same_users_always(self, graph, tmp_path):
        chosen = config(*self.SETTINGS, "training.epochs=1", "training.validation_users=5")
        split = make_split(graph, chosen.split)
        users = validation_users(split, chosen)
        assert len(users) == 5
        assert set(users) <= set(split.valid.src)
        assert users.tolist() == validation_users(split, chosen).tolist()
        run = fit(graph, chosen, tmp_path / "run")
        vectors = [np.load(tmp_path / "run" / "embeddings" / f"{side}.npy") for side in ("user", "item")]
        found = evaluate(EmbeddingScorer(*vectors), split, part="valid", users=users)
        assert run.metrics["values"]["ndcg@10"] == pytest.approx(found.values["ndcg@10"])
