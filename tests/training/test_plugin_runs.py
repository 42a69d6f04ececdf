"""Encoders of other packages: a run knows where they come from, and needs them when it is reopened."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic.errors import PluginError, RunError
from hetmusic.fitting import fit, resume
from hetmusic.models import RelationConfig
from hetmusic.recommend import Run
from hetmusic.recommend.reencode import RunModel
from hetmusic.run_layout import RunInfo
from tests.packages import ENCODER
from tests.training.plugins import config


def gone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is no longer installed."""
    sys.modules.pop(name)
    folders = [folder for folder in sys.path if (Path(folder) / f"{name}.py").exists()]
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder not in folders])


class TestEncoderOfAnotherPackage:
    def test_every_way_of_naming_it_gives_the_same_run(self, graph, tmp_path, install):
        name = install(points={"hetmusic.relation_encoders": {"decay-by-name": "Decay"}})
        __import__(name)
        cls = sys.modules[name].Decay
        specs = ["decay-by-name", f"{name}:Decay", cls, cls(8, 0.3)]
        results = []
        for number, spec in enumerate(specs):
            chosen = config()
            arguments = {} if number == 3 else {"rate": 0.3}
            chosen.relations["liked_by"] = RelationConfig(encoder=spec, **arguments)
            results.append(fit(graph, chosen, tmp_path / str(number)).user_embeddings[:])
        text = config(f"relations.liked_by.encoder={name}:Decay", "relations.liked_by.rate='0.3'")
        results.append(fit(graph, text, tmp_path / "text").user_embeddings[:])
        for other in results[1:]:
            assert np.array_equal(results[0], other)
        plain = fit(graph, config(), tmp_path / "plain").user_embeddings[:]
        assert not np.array_equal(results[0], plain)

    def test_a_run_knows_where_it_comes_from(self, graph, tmp_path, install):
        name = install()
        fit(graph, config(f"relations.liked_by.encoder={name}:Decay"), tmp_path / "run")
        (record,) = RunInfo.load(tmp_path / "run").plugins.values()
        assert record.kind == "relation encoder"
        assert record.path == f"{name}:Decay"
        assert (record.distribution, record.version) == (name.replace("_", "-"), "1.2")
        assert record.file.endswith(f"{name}.py")
        assert record.used_by == ["relations.liked_by"]

    def test_built_in_plugins_are_not_recorded(self, graph, tmp_path):
        fit(graph, config(), tmp_path / "run")
        assert RunInfo.load(tmp_path / "run").plugins == {}

    def test_a_missing_package_is_named(self, graph, tmp_path, install, monkeypatch):
        name = install(points={"hetmusic.relation_encoders": {"decay-gone": "Decay"}})
        run = fit(graph, config("relations.liked_by.encoder=decay-gone"), tmp_path / "run")
        gone(name, monkeypatch)
        with pytest.raises(RunError) as problem:
            resume(tmp_path / "run", epochs=3)
        package = name.replace("_", "-")
        assert str(problem.value).startswith(
            f"{tmp_path / 'run'} needs the relation encoder 'decay-gone' (relations.liked_by), which is {name}:Decay, of "
            f"the package {package}==1.2: install it, for example with `pip install {package}==1.2`"
        )
        with pytest.raises(RunError, match="needs the relation encoder"):
            RunModel(tmp_path / "run", RunInfo.load(tmp_path / "run"), graph)
        assert Run.open(run.path).recommend("u0", k=3), "recommending needs no encoder"

    def test_a_missing_module_is_named(self, graph, tmp_path, install, monkeypatch):
        name = install(version=None)
        fit(graph, config(f"relations.liked_by.encoder={name}:Decay"), tmp_path / "run")
        gone(name, monkeypatch)
        with pytest.raises(RunError) as problem:
            resume(tmp_path / "run", epochs=3)
        assert f"of the module {name} in " in str(problem.value)
        assert f"{name}.py: put its folder on PYTHONPATH" in str(problem.value)

    def test_a_class_that_is_gone_from_its_package_is_named(self, graph, tmp_path, install):
        name = install()
        fit(graph, config(f"relations.liked_by.encoder={name}:Decay"), tmp_path / "run")
        del sys.modules[name].Decay
        with pytest.raises(RunError, match=f"{name} has no 'Decay'"):
            resume(tmp_path / "run", epochs=3)

    def test_a_module_that_fails_by_now_is_shown_with_the_run(self, graph, tmp_path, install):
        name = install()
        fit(graph, config(f"relations.liked_by.encoder={name}:Decay"), tmp_path / "run")
        file = Path(sys.modules.pop(name).__file__)
        file.write_text("import not_there_any_more\n" + file.read_text())
        with pytest.raises(PluginError) as problem:
            resume(tmp_path / "run", epochs=3)
        assert str(problem.value).startswith(
            f"{tmp_path / 'run'} needs the plug-ins of relations.liked_by: relation encoder '{name}:Decay' cannot"
        )
        assert "line 1, in <module>" in problem.value.trace

    def test_an_encoder_whose_layers_are_others_by_now_is_named(self, graph, tmp_path, install):
        name = install()
        fit(graph, config(f"relations.liked_by.encoder={name}:Decay"), tmp_path / "run")
        file = Path(sys.modules.pop(name).__file__)
        more = "        self.rate = rate\n        self.more = torch.nn.Linear(dim, 1)\n"
        file.write_text(file.read_text().replace("        self.rate = rate\n", more))
        importlib.invalidate_caches()
        with pytest.raises(RunError) as problem:
            resume(tmp_path / "run", epochs=3)
        said = str(problem.value)
        assert "does not fit the model" in said
        assert "artist__liked_by__user.more.weight is not in the file (and 3 more)" in said
        assert said.endswith(
            f"; {name}:Decay was another when the run was fitted: bring its layers back, or fit again"
        )

    def test_what_is_installed_again_is_used_and_another_version_is_warned_of(
        self, graph, tmp_path, install, monkeypatch, caplog
    ):
        name = install()
        fit(graph, config(f"relations.liked_by.encoder={name}:Decay"), tmp_path / "run")
        info = RunInfo.load(tmp_path / "run")
        (text,) = info.plugins
        older = info.plugins[text].model_copy(update={"version": "0.9"})
        info.model_copy(update={"plugins": {text: older}}).save(tmp_path / "run")
        with caplog.at_level(logging.WARNING):
            resume(tmp_path / "run", epochs=3)
        package = name.replace("_", "-")
        assert f"relation encoder {name}:Decay was fitted with {package} 0.9; installed is 1.2" in caplog.text

    def test_a_name_that_a_module_registers_itself_is_found_again(
        self, graph, tmp_path, install, monkeypatch
    ):
        code = ENCODER.replace(
            "class Decay", "@relation_encoders.register('self-registered')\nclass Decay"
        ).replace("import RelationEncoder", "import RelationEncoder, relation_encoders")
        from hetmusic.relations import relation_encoders

        name = install(code)
        __import__(name)
        fit(graph, config("relations.liked_by.encoder=self-registered"), tmp_path / "run")
        sys.modules.pop(name)
        relation_encoders._classes.pop("self-registered")
        assert resume(tmp_path / "run", epochs=3).info.status == "finished"
        relation_encoders._classes.pop("self-registered")

    def test_a_class_of_a_notebook_is_explained(self, graph, tmp_path, install):
        name = install(version=None)
        __import__(name)
        cls = sys.modules[name].Decay
        cls.__module__ = "__main__"
        chosen = config()
        chosen.relations["liked_by"] = RelationConfig(encoder=cls)
        fit(graph, chosen, tmp_path / "run")
        with pytest.raises(RunError, match="which was defined in a script or notebook"):
            resume(tmp_path / "run", epochs=3)


def test_shared_weights_are_saved_and_resumed(graph, tmp_path):
    shared = ["relations.liked_by.encoder=sage", "relations.liked_by.share=all", "training.averaging=0.5"]
    whole = fit(graph, config(*shared, "training.epochs=4"), tmp_path / "whole")
    fit(graph, config(*shared), tmp_path / "parts")
    parts = resume(tmp_path / "parts", epochs=4)
    assert np.array_equal(whole.user_embeddings[:], parts.user_embeddings[:])
    model = RunModel(parts.path, RunInfo.load(parts.path), graph).model
    first, second = (layer.encoders["artist__liked_by__user"] for layer in model.towers["ids"].layers)
    assert first is second
    assert torch.isfinite(first.own.weight).all()
