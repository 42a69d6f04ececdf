"""Plug-ins of other packages: checked before anything runs, recorded with a run, required when it is reopened."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError, RunError
from hetmusic.experiments.models import check_model, with_implied
from hetmusic.fitting import fit, resume
from hetmusic.models import RelationConfig
from hetmusic.models.combine import Combiner
from hetmusic.recommend import Run
from hetmusic.recommend.reencode import RunModel
from hetmusic.relations import RelationEncoder
from hetmusic.run_layout import RunInfo
from hetmusic.training import load_config, make_config
from hetmusic.training.losses import BPRLoss
from hetmusic.training.plugins import check_plugins
from hetmusic.training.sampling import NeighborSampler
from tests.packages import ENCODER

FAST = ["model.dim=8", "training.batch_size=16", "training.epochs=2", "model.modalities=[]"]


class Sharper(BPRLoss):
    """-log sigmoid of the difference times ``factor``."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, view, batch):
        return self.factor * super().forward(view, batch)


class Last(Combiner):
    """The last relation alone."""

    def __init__(self, dim: int, scale: float = 1.0) -> None:
        super().__init__(dim)
        self.scale = scale

    def forward(self, messages, has_edges):
        return self.scale * messages[-1] * has_edges[-1][:, None]


class Fewer(NeighborSampler):
    """At most ``most`` neighbours, and it remembers that it was asked."""

    asked = 0

    def __init__(self, graph, fanouts, per_relation=None, most: int = 3) -> None:
        super().__init__(graph, [min(f, most) for f in fanouts], per_relation)

    def sample(self, seeds, rng, dropped=None):
        type(self).asked += 1
        return super().sample(seeds, rng, dropped)


def config(*overrides):
    return load_config(overrides=[*FAST, *overrides])


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


class TestOtherKinds:
    def test_loss_combiner_and_sampler_with_arguments(self, graph, tmp_path):
        chosen = config(
            f"training.loss={__name__}:Sharper",
            "training.loss_arguments.factor='2'",
            f"model.combine={__name__}:Last",
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
            f"training.loss={__name__}:Sharper",
            f"model.combine={__name__}:Last",
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
            f"{__name__}:Last",
            {"scale": 0.2},
        )
        assert ready.model_dump() == named.model_dump()
        runs = [fit(graph, chosen, tmp_path / name) for name, chosen in (("named", named), ("ready", ready))]
        results = [resume(run.path, epochs=3).user_embeddings[:] for run in runs]
        assert np.array_equal(*results)

    def test_instances_in_the_settings_of_a_comparison(self):
        settings = {"model.combine": Last(8, 0.5), "training": {"loss": Sharper(3.0)}}
        found = with_implied("mmgnn", settings)
        assert found["model"] == {"combine": f"{__name__}:Last", "combine_arguments": {"scale": 0.5}}
        assert found["training"] == {"loss": f"{__name__}:Sharper", "loss_arguments": {"factor": 3.0}}
        with pytest.raises(
            ConfigError, match=r"the loss is a ready Sharper object, which factor=2 beside it"
        ):
            with_implied("mmgnn", {**settings, "training.loss_arguments.factor": 2})

    def test_arguments_reach_the_loss(self, graph, tmp_path):
        losses = []
        for factor in (1, 3):
            chosen = config(
                f"training.loss={__name__}:Sharper",
                f"training.loss_arguments.factor={factor}",
                "training.negatives=1",
                "training.epochs=1",
                "training.tower_loss=0",
                "training.batch_size=100000",
            )
            run = fit(graph, chosen, tmp_path / str(factor))
            losses.append(float((run.path / "history.jsonl").read_text().split('"loss": ')[1].split(",")[0]))
        assert losses[1] == pytest.approx(3 * losses[0], rel=1e-4)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "relations.liked_by.heads=2",
            "relations.liked_by: relation encoder MeanEncoder has no argument 'heads'",
        ),
        ("relations.liked_by.weigth=log", "(did you mean 'weight'?)"),
        (
            "relations.liked_by.encodr=gat",
            "relations.liked_by: unknown key 'encodr' (did you mean 'encoder'?)",
        ),
        (
            f"relations.liked_by.encoder={__name__}:Shadowed",
            "relation encoder Shadowed has an argument 'share', which is a key of the relation's own table",
        ),
        (
            "relations.likedby.rate=3",
            "relations.likedby: unknown relation 'likedby' (did you mean 'liked_by'?)",
        ),
        (
            "towers.ids.relations.likedby.rate=3",
            "towers.ids.relations.likedby: unknown relation 'likedby' (did you mean 'liked_by'?)",
        ),
        (
            "relations.liked_by.dim=3",
            "relations.liked_by: relation encoder MeanEncoder: 'dim' is given by hetmusic",
        ),
        ("model.combine=smu", "model.combine: no combiner is called 'smu' (did you mean 'sum'?)"),
        ("model.combine_arguments.hidden=2", "model.combine: combiner SumCombiner has no argument 'hidden'"),
        ("model.head=lat", "model.head: no head is called 'lat' (did you mean 'late'?)"),
        ("training.loss=bprr", "training.loss: no loss is called 'bprr' (did you mean 'bpr'?)"),
        (
            "training.sampler=neighbour",
            "training.sampler: no sampler is called 'neighbour' (did you mean 'neighbor'?)",
        ),
        (
            "towers.ids.relations.liked_by.encoder=lightgc",
            "towers.ids.relations.liked_by: no relation encoder is called 'lightgc' (did you mean 'lightgcn'?)",
        ),
        ("towers.ids.combine=maxx", "towers.ids.combine: no combiner is called 'maxx' (did you mean 'max'?)"),
    ],
)
def test_mistakes_are_found_before_anything_runs(override, message):
    with pytest.raises(ConfigError) as problem:
        check_plugins(config(override))
    assert message in str(problem.value)


class Scaled(RelationEncoder):
    def __init__(self, dim, rate=1.0):
        super().__init__(dim)
        self.rate = rate

    def message(self, src, dst, edge):
        return self.rate * src.h


class Shadowed(Scaled):
    def __init__(self, dim, share=True):
        super().__init__(dim)


class TestTablesInPython:
    """What is put into a configuration unchecked."""

    @pytest.mark.parametrize("given", [Scaled, Scaled(8), "mean", {"encoder": "mean"}])
    def test_no_table_of_a_relation(self, graph, given, tmp_path):
        chosen = config()
        chosen.relations["liked_by"] = given
        with pytest.raises(ConfigError) as problem:
            fit(graph, chosen, tmp_path / "run")
        assert str(problem.value).startswith("relations.liked_by is ")
        assert "write config.relations['liked_by'] = RelationConfig(encoder=...)" in str(problem.value)

    def test_no_table_of_a_tower(self):
        chosen = config()
        chosen.towers["ids"] = {"relations": {}}
        with pytest.raises(
            ConfigError, match=r"towers.ids is a dict: write config.towers\['ids'\] = TowerConfig\("
        ):
            check_plugins(chosen)

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            (
                "relations.liked_by=gat",
                "relations.liked_by = 'gat': a relation is a table of settings, .* encoder = gat",
            ),
            ("liked_by.encoder=gat", r"unknown key 'liked_by' \(did you mean 'relations.liked_by'\?\)"),
        ],
    )
    def test_keys_of_another_shape(self, override, message):
        with pytest.raises(ConfigError, match=message):
            config(override)

    def test_a_relation_called_by_its_ends(self):
        chosen = config("relations.song__liked_by__user.rate=3")
        with pytest.raises(
            ConfigError, match=r"unknown relation 'song__liked_by__user' \(did you mean 'liked_by'\?\)"
        ):
            check_plugins(chosen)

    def test_fit_takes_a_graph_and_a_configuration(self, graph, tmp_path):
        for given in ((tmp_path, config()), (graph, {})):
            with pytest.raises(
                TypeError, match=r"fit takes a MusicGraph \(MusicGraph.open\(folder\)\) and a FitConfig"
            ):
                fit(*given, tmp_path / "run")


class TestInstancesTakeNoArguments:
    """What stands beside a ready object would be written down and change nothing."""

    SAID = r"a ready Scaled object, which rate=0.3 beside it would not change: make it with rate=0.3, or give the class"

    def test_in_a_table(self):
        with pytest.raises(ConfigError, match=self.SAID):
            RelationConfig(encoder=Scaled(8), rate=0.3)
        with pytest.raises(ConfigError, match=f"a dictionary: .*{self.SAID}"):
            make_config({"relations": {"liked_by": {"encoder": Scaled(8), "rate": 0.3}}}, "a dictionary")
        assert RelationConfig(encoder=Scaled(8), share="all", fanout=3).share == "all"

    def test_added_later(self):
        chosen = config()
        chosen.relations["liked_by"] = RelationConfig(encoder=Scaled(8))
        chosen.relations["liked_by"].rate = 0.3
        with pytest.raises(
            ConfigError, match=r"relations.liked_by: .*Scaled is a ready object, so it takes no 'rate'"
        ):
            check_plugins(chosen)

    def test_in_the_table_of_a_tower(self):
        chosen = config("towers.ids.relations.liked_by.rate=0.3")
        chosen.relations["liked_by"] = RelationConfig(encoder=Scaled(8))
        with pytest.raises(ConfigError, match=f"towers.ids.relations.liked_by: .*{self.SAID}"):
            check_plugins(chosen)

    def test_of_losses_and_combiners(self):
        chosen = config("training.loss_arguments.factor=2")
        chosen.training.loss = Sharper(3.0)
        with pytest.raises(
            ConfigError, match=r"training.loss: loss Sharper is a ready object, so it takes no 'factor'"
        ):
            check_plugins(chosen)
        chosen = config("model.combine_arguments.scale=2")
        chosen.model.combine = Last(8)
        with pytest.raises(
            ConfigError, match=r"model.combine: combiner Last is a ready object, so it takes no 'scale'"
        ):
            check_plugins(chosen)

    @pytest.mark.parametrize("nested", [True, False])
    def test_in_the_settings_of_a_comparison(self, nested):
        settings = {"relations.liked_by.encoder": Scaled(8, 0.2)}
        if nested:
            settings = {"relations": {"liked_by": {"encoder": Scaled(8, 0.2)}}}
        check_model("mmgnn", settings)
        assert with_implied("mmgnn", settings)["relations"]["liked_by"] == {
            "encoder": f"{__name__}:Scaled",
            "rate": 0.2,
        }
        with pytest.raises(ConfigError, match=self.SAID):
            check_model("mmgnn", {**settings, "relations.liked_by.rate": 0.3})


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
        ("loss", "Raising", r"loss Raising failed: KeyError: 'margin' \(.*test_plugins\.py, line \d+\)"),
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
