"""Mistakes in settings and plug-ins: found before anything is written, or in the first step."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch

from hetmusic.errors import PluginError, RunError, SplitError, UserError
from hetmusic.fitting import fit, resume
from hetmusic.recommend import Run
from hetmusic.relations import RelationEncoder
from hetmusic.run_layout import RunInfo
from hetmusic.training.events import TrainingObserver
from tests.training.runs import config, weights


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
