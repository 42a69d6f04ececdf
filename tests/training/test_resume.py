"""Runs that are stopped, killed or interrupted go on to the last bit, or say why they cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from hetmusic.errors import RunError, UserError
from hetmusic.fitting import fit, resume
from hetmusic.recommend import Run
from hetmusic.relations.encoders import MeanEncoder
from hetmusic.run_layout import RunInfo
from hetmusic.training.checkpoint import StateFolder
from hetmusic.training.events import TrainingObserver
from hetmusic.training.trainer import DivergedError
from tests.training.runs import FAST, LOSSES, config, losses_of, weights
from tests.training.worlds import community_graph


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
        assert losses_of(whole.path) == losses_of(resumed.path)

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
        assert losses_of(whole.path) == losses_of(resumed.path)


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
    noisy = ['relations.liked_by.encoder="tests.training.test_resume:NoisyEncoder"']
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
        with pytest.raises(
            RunError, match=r"does not fit the model .* has shape \(.*\) in the file and \(.*\) in the model"
        ):
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


def test_state_folder_keeps_one_epoch(graph, tmp_path):
    fit(graph, config("training.epochs=3"), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "state").glob("epoch-*")] == ["epoch-00002"]
    assert not list((tmp_path / "run").rglob("*.tmp"))
    assert not list((tmp_path / "run").rglob("*.pkl"))
    assert StateFolder(tmp_path / "run" / "state").exists
