"""``hetmusic fit``: what it prints, stores, resumes and leaves behind."""

from __future__ import annotations

import json
import re
import shutil
import sys

import numpy as np
import polars as pl
import pytest

from tests.cli.conftest import SMALL
from tests.cli.running import hetmusic, snapshot


def test_fit_prints_progress_and_a_summary(graph, tmp_path):
    done = hetmusic("fit", graph, "--out", tmp_path / "run", "--epochs", 2, "--seed", 4, *SMALL).succeeded()
    assert "at most 2 epochs of 1 step" in done.err
    assert [line.split(":")[0] for line in done.err.splitlines() if line.startswith("epoch")] == [
        "epoch 0",
        "epoch 1",
    ]
    assert "training ended: epochs" in done.err
    assert re.search(r"^ndcg( +0\.\d{4}){4}$", done.out, re.MULTILINE)
    assert f"next: hetmusic evaluate {tmp_path / 'run'} " in done.out
    config = (tmp_path / "run" / "config.toml").read_text()
    assert "dim = 8" in config
    assert config.count("seed = 4") == 2, "of training and of the split"


def test_fit_quiet_prints_nothing_and_warnings_are_lines(graph, tmp_path):
    done = hetmusic("fit", graph, "--out", tmp_path / "run", "--epochs", 1, "--quiet", *SMALL).succeeded()
    assert done.out == ""
    assert all(line.startswith("warning: ") for line in done.err.splitlines())


def test_auto_says_what_it_chose_and_why(graph, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    small = ("--set", "model.dim=8", "--epochs", 1)
    done = hetmusic("fit", graph, "--out", tmp_path / "run", "--auto", *small).succeeded()
    assert [line for line in done.err.splitlines() if line.startswith("auto:")] == [
        "auto: training.threads=1  (1 cores)"
    ]
    assert "threads = 1" in (tmp_path / "run" / "config.toml").read_text().splitlines()


def test_config_file_preset_and_set_in_their_order(graph, tmp_path):
    (tmp_path / "mine.toml").write_text("[training]\nlr = 0.5\nepochs = 2\n[model]\ndim = 4\n")
    options = (
        "--config",
        tmp_path / "mine.toml",
        "--set",
        "training.lr=0.25",
        "--preset",
        "default",
        "--quiet",
    )
    hetmusic("fit", graph, "--out", tmp_path / "run", *options).succeeded()
    config = (tmp_path / "run" / "config.toml").read_text()
    for line in ("lr = 0.25", "epochs = 2", "dim = 4"):
        assert line in config.splitlines()


def test_split_from_a_file(graph, tmp_path):
    likes = pl.read_parquet(graph / "edges" / "user__likes__song.parquet")
    users, songs = (pl.read_parquet(graph / "nodes" / f"{name}.parquet")["key"] for name in ("user", "song"))
    rows = np.arange(likes.height)
    table = pl.DataFrame(
        {
            "userID": users.gather(likes["src"]),
            "itemID": songs.gather(likes["dst"]),
            "x_label": np.where(rows % 10 == 0, 2, np.where(rows % 10 == 1, 1, 0)),
        }
    )
    file = tmp_path / "it's published.inter"
    table.write_csv(file, separator="\t")
    hetmusic(
        "fit", graph, "--out", tmp_path / "run", "--split", file, "--epochs", 1, "--quiet", *SMALL
    ).succeeded()
    stored = pl.read_parquet(tmp_path / "run" / "split" / "split.parquet")
    assert (stored["part"] == 2).sum() == (table["x_label"] == 2).sum()
    everything = hetmusic("evaluate", tmp_path / "run", "--k", 10, "--json").json
    assert everything["protocol"]["num_users"] == table.filter(pl.col("x_label") == 2)["userID"].n_unique()


def test_resume_equals_one_long_fit(graph, run, tmp_path):
    own, long = tmp_path / "own", tmp_path / "long"
    shutil.copytree(run, own)
    resumed = hetmusic("fit", "--resume", own, "--epochs", 5).succeeded()
    assert "from epoch 3" in resumed.err
    hetmusic("fit", graph, "--out", long, "--epochs", 5, "--quiet", *SMALL).succeeded()
    history = [json.loads(line)["epoch"] for line in (own / "history.jsonl").read_text().splitlines()]
    assert history == [0, 1, 2, 3, 4]
    for file in ("embeddings/user.npy", "embeddings/item.npy", "metrics.json"):
        assert (own / file).read_bytes() == (long / file).read_bytes(), file


def test_overwrite_replaces_the_run(graph, run, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(run, own)
    (own / "notes.txt").write_text("mine")
    hetmusic("fit", graph, "--out", own, "--overwrite", "--epochs", 1, "--quiet", *SMALL).succeeded()
    assert not (own / "notes.txt").exists()
    assert len((own / "history.jsonl").read_text().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_tensorboard(graph, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = ("--tensorboard", tmp_path / "tb", "--epochs", 2, "--quiet", *SMALL)
    hetmusic("fit", graph, "--out", tmp_path / "run", *options).succeeded()
    events = EventAccumulator(str(tmp_path / "tb"))
    events.Reload()
    history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(
        [line["loss"] for line in history]
    )
    assert len(events.Scalars("valid_ndcg@10")) == 2


def test_loggers(graph, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_logger.py").write_text(
        """
from pathlib import Path
from hetmusic.training.loggers import RunLogger

class Lines(RunLogger):
    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def on_result(self, metrics):
        self.file.write_text(str(round(metrics["ndcg@10"], 6)))
"""
    )
    own = ("--logger", "my_logger:Lines", "--logger-set", f"my_logger:Lines.file={tmp_path / 'lines.txt'}")
    options = ("--logger", "tensorboard", *own, "--epochs", 1, "--quiet", *SMALL)
    hetmusic("fit", graph, "--out", tmp_path / "run", *options).succeeded()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["values"]
    assert (tmp_path / "lines.txt").read_text() == str(round(metrics["ndcg@10"], 6))
    assert list((tmp_path / "run" / "tensorboard").glob("events.out.*"))
    hetmusic("fit", "--resume", tmp_path / "run", "--epochs", 2, "--quiet", *own).succeeded()


def test_tensorboard_absent(graph, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    done = hetmusic("fit", graph, "--out", tmp_path / "run", "--tensorboard", tmp_path / "tb", *SMALL)
    assert "pip install 'hetmusic[report]'" in done.error
    assert snapshot(tmp_path) == {}


def test_interrupted_fit_says_how_to_go_on_and_does(graph, tmp_path, monkeypatch):
    from hetmusic.training.trainer import Trainer

    validate, calls = Trainer.validate, []

    def interrupted(trainer: Trainer) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return validate(trainer)

    folder = tmp_path / "my run"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "validate", interrupted)
        done = hetmusic("fit", graph, "--out", folder, "--epochs", 2, *SMALL)
    assert done.status == 130
    assert done.error == f"error: interrupted; go on with: hetmusic fit --resume '{folder}'"
    assert "training ended: interrupted" in done.err
    assert (
        f"go on with: hetmusic fit --resume {folder}" in hetmusic("recommend", folder, "--user", "u01").error
    )
    hetmusic("fit", "--resume", folder, "--quiet").succeeded()
    assert len((folder / "history.jsonl").read_text().splitlines()) == 2
    hetmusic("recommend", folder, "--user", "u01").succeeded()


def test_interrupted_before_training_leaves_nothing(graph, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hetmusic.fitting.save_ids", interrupted)
    done = hetmusic("fit", graph, "--out", tmp_path / "run", *SMALL)
    assert (done.status, done.error) == (130, "error: interrupted; nothing was written")
    assert snapshot(tmp_path) == {}


def test_a_dry_run_says_what_memory_it_would_take(graph, tmp_path, monkeypatch):
    before = snapshot(tmp_path)
    done = hetmusic("fit", graph, "--dry-run", *SMALL).succeeded()
    parts = dict(re.findall(r"^(.*?) {2,}([\d,]+)$", done.out, re.MULTILINE))
    assert int(parts["peak"].replace(",", "")) > 50
    assert snapshot(tmp_path) == before
