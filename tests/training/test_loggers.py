"""Experiment loggers: what they are told, what TensorBoard shows of it, and that none of them ends a run."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import ConfigError, DataError, EnvironmentProblem
from hetmusic.fitting import fit, resume
from hetmusic.training import load_config
from hetmusic.training.events import TrainingObserver
from hetmusic.training.loggers import RunLogger, loggers, make_loggers
from hetmusic.training.loggers.guard import Guarded
from hetmusic.training.loggers.tensorboard import TensorBoardLogger, flat
from tests.training.worlds import community_graph


class Notes(RunLogger):
    """Keeps everything."""

    made: list[Notes] = []

    def __init__(self, prefix: str = "", limit: int = 3) -> None:
        self.prefix, self.limit = prefix, limit
        self.heard: list[str] = []
        Notes.made.append(self)

    def on_epoch(self, record):
        self.heard.append(f"{self.prefix}{record['epoch']}")

    def on_end(self, reason):
        self.heard.append(reason)


class Broken(Notes):
    """Fails in its second epoch."""

    def on_epoch(self, record):
        super().on_epoch(record)
        if record["epoch"] == 1:
            raise ConnectionError("the server is gone")


class Refusing(RunLogger):
    """Cannot do with the run, and says so before anything is trained."""

    def on_run(self, folder, config):
        raise DataError("notes.db has no table of runs")


HERE = __name__
ROOT = Path(__file__).resolve().parents[2]


def config(epochs):
    return load_config(overrides=["model.dim=8", "training.batch_size=32", f"training.epochs={epochs}"])


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return community_graph(tmp_path_factory.mktemp("graph") / "graph")


@pytest.fixture(autouse=True)
def forget():
    Notes.made.clear()


class TestNaming:
    def test_by_name_and_path_with_arguments(self):
        made = make_loggers(
            ["tensorboard", f"{HERE}:Notes"], [f"{HERE}:Notes.limit=7", f"{HERE}:Notes.prefix=12"]
        )
        assert [type(logger.inner).__name__ for logger in made] == ["TensorBoardLogger", "Notes"]
        assert (Notes.made[0].prefix, Notes.made[0].limit) == ("12", 7)

    def test_built_in_ones_are_listed(self):
        assert loggers.names == ["tensorboard"]

    @pytest.mark.parametrize(
        ("names", "settings", "message"),
        [
            (["tensorbord"], [], "no logger is called 'tensorbord' (did you mean 'tensorboard'?)"),
            ([f"{HERE}:TrainingObserver"], [], "is a class, but not a subclass of RunLogger"),
            ([f"{HERE}:Notes"], [f"{HERE}:Notes.limt=7"], "limt"),
            ([f"{HERE}:Notes"], [f"{HERE}:Notes.limit=many"], "limit"),
            (["tensorboard"], ["tensorbord.folder=x"], "no logger (did you mean 'tensorboard'?); asked for: tensorb"),
            ([], ["tensorboard.folder=x"], "no --logger is given"),
            (["tensorboard"], ["folder=x"], "NAME.KEY=VALUE"),
        ],
    )  # fmt: skip
    def test_mistakes(self, names, settings, message):
        with pytest.raises(ConfigError) as problem:
            make_loggers(names, settings)
        assert message in str(problem.value)

    def test_tensorboard_is_not_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        with pytest.raises(EnvironmentProblem, match="hetmusic\\[report\\]"):
            make_loggers(["tensorboard"])


class TestFailing:
    def test_a_logger_that_fails_hears_no_more_and_the_run_is_finished(self, graph, tmp_path, caplog):
        watching = make_loggers([f"{HERE}:Broken"])
        with caplog.at_level(logging.WARNING, logger="hetmusic"):
            run = fit(graph, config(3), tmp_path / "run", watching)
        assert run.info.status == "finished"
        assert Notes.made[0].heard == ["0", "1"]
        (record,) = [record for record in caplog.records if "Broken" in record.getMessage()]
        assert "on_epoch (ConnectionError: the server is gone)" in record.getMessage()
        assert record.exc_info is not None

    def test_a_refusal_before_training_ends_the_fit(self, graph, tmp_path):
        with pytest.raises(DataError, match=r"notes\.db"):
            fit(graph, config(1), tmp_path / "run", make_loggers([f"{HERE}:Refusing"]))

    def test_every_event_is_passed_on(self):
        """An event that the guard forgot would reach nobody."""
        events = {name for name in vars(TrainingObserver) if name.startswith("on_")}
        assert events <= set(vars(Guarded))


def test_the_logger_of_the_documentation(graph, tmp_path):
    text = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class Notes" in block
    ]
    found: dict[str, Any] = {}
    exec(code, found)
    run = fit(graph, config(1), tmp_path / "first", [found["Notes"](str(tmp_path / "notes.csv"))])
    assert (tmp_path / "notes.csv").read_text() == f"first,8,{run.metrics['values']['ndcg@10']}\n"


class TestTensorBoard:
    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, graph, tmp_path_factory):
        folder = tmp_path_factory.mktemp("runs") / "run"
        fit(graph, config(2), folder, [TensorBoardLogger()])
        return folder

    @staticmethod
    def events(folder):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(folder))
        found.Reload()
        return found

    def test_curves_are_those_of_the_history(self, run):
        shown = self.events(run / "tensorboard")
        history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
        for name in ("loss", "valid_ndcg@10"):
            assert [(e.step, e.value) for e in shown.Scalars(name)] == [
                (line["epoch"], pytest.approx(line[name])) for line in history
            ]

    def test_final_metrics_and_settings_are_there(self, run):
        shown = self.events(run / "tensorboard")
        metrics = json.loads((run / "metrics.json").read_text())["values"]
        assert shown.Scalars("best/ndcg@10")[-1].value == pytest.approx(metrics["ndcg@10"])
        (text,) = shown.Tensors("config/text_summary")
        assert b"edge_dropout" in text.tensor_proto.string_val[0]
        names = shown.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        assert b"training.edge_dropout" in names

    def test_resumed_epochs_follow_those_before(self, graph, tmp_path):
        fit(graph, config(2), tmp_path / "run", [TensorBoardLogger(str(tmp_path / "tb"))])
        resume(tmp_path / "run", [TensorBoardLogger(str(tmp_path / "tb"))], epochs=4)
        # files of the same second are read in no particular order
        steps = sorted(event.step for event in self.events(tmp_path / "tb").Scalars("loss"))
        assert steps == [0, 1, 2, 3]

    def test_settings_become_dotted_keys(self):
        config = {"seed": 1, "model": {"dim": 8, "bias": True, "modalities": ["lyrics", "audio"]}}
        assert dict(flat(config)) == {
            "seed": 1, "model.dim": 8, "model.bias": True, "model.modalities": "['lyrics', 'audio']",
        }  # fmt: skip
