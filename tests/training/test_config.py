from __future__ import annotations

import sys

import pytest

from hetmusic.errors import ConfigError
from hetmusic.training import FitConfig, load_config, make_config
from hetmusic.training.load_config import dump_toml, merge, parse_override, preset_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_and_survive_a_round_trip(name):
    config = load_config(name)
    assert config.preset == name
    assert make_config(tomllib.loads(dump_toml(config))) == config


def test_dump_is_complete():
    values = tomllib.loads(dump_toml(load_config()))
    assert set(values) == set(FitConfig.model_fields)
    optional = {"threads", "sampled_candidates", "validation_users"}
    assert (
        set(values["training"]) == set(FitConfig.model_fields["training"].annotation.model_fields) - optional
    )


def test_every_field_is_described():
    for section in (
        FitConfig,
        *(FitConfig.model_fields[name].annotation for name in ("model", "training", "split")),
    ):
        for name, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{name} has no description"


def test_file_goes_over_preset_and_override_over_both(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[training]\nlr = 0.5\nepochs = 7\n[relations.liked_by]\nencoder = "gat"\nheads = 2\n')
    config = load_config(file=path, overrides=["training.lr=0.25", "relations.liked_by.heads=8"])
    assert (config.training.lr, config.training.epochs) == (0.25, 7)
    assert config.relations["liked_by"].encoder == "gat"
    assert config.relations["liked_by"].arguments["heads"] == 8
    assert set(load_config().relations) <= set(config.relations)


def test_override_values_are_toml_and_bare_words_are_text():
    assert parse_override("a.b=[1, 2]") == {"a": {"b": [1, 2]}}
    assert parse_override("a=true") == {"a": True}
    assert parse_override("a.b=my_pkg.enc:Decay") == {"a": {"b": "my_pkg.enc:Decay"}}


def test_merge_goes_into_tables():
    assert merge({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 4}, "b": {"z": 5}}) == {
        "a": {"x": 1, "y": 4},
        "b": {"z": 5},
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.lrr=0.1"], "unknown key 'training.lrr' (did you mean 'lr'?)"),
        (["trainin.lr=0.1"], "unknown key 'trainin' (did you mean 'training'?)"),
        (["training.lr=fast"], "training.lr = 'fast'"),
        (["training.lr=0"], "training.lr = 0: Input should be greater than 0"),
        (["training.edge_dropout=0.0"], "so training.edge_dropout must be > 0"),
        (["training.fanout=[5]"], "training.fanout has 1 numbers, but model.num_layers is 2"),
        (["training.validate_every=9", "training.epochs=8"], "no epoch would be validated"),
        (["training.fanout=0"], "a fanout is a positive number"),
        (["training.metric=ndcg"], "a metric is a name and a cutoff"),
        (['training.also_measured=["ndcg@5", "recall"]'], "a metric is a name and a cutoff"),
        (["split.kind=file"], "needs file = 'PATH'"),
        (["split.file=x.tsv"], "use kind = 'file'"),
        (["model.id_tower=false", "model.modalities=[]"], "leave no tower"),
        (["model.head=scaled", "model.item_bias=true"], "item_bias = True adds to scores"),
        (["model.head=scaled", "model.emotion=auto"], "emotion = 'auto' adds to scores"),
        (["model.head=scaled", "training.loss=bpr"], "training.loss is 'softmax' or 'sampled_softmax' there"),
        (["model.head=scaled", "training.mutual_weight=0.5"], "training.mutual_weight is 0"),
        (["training.fanout=true"], "a fanout is a positive number"),
        (["relations.tag_of.fanout=0"], "a fanout is a positive number"),
        (["split.fold=5"], "split.fold is 5, but split.folds is 5"),
        (["split.ratios=[0.5, 0.5, 0.5]"], "split.ratios sum to 1.5"),
        (["training.lr"], "is not of the form section.key=value"),
        (["=3"], "is not of the form section.key=value"),
    ],
)
def test_mistakes_name_the_key(overrides, message):
    with pytest.raises(ConfigError) as problem:
        load_config(overrides=overrides)
    assert message in str(problem.value)
    assert "\n" not in str(problem.value)


def test_unknown_preset():
    with pytest.raises(ConfigError, match=r"no preset 'defualt' \(did you mean 'default'\?\)"):
        load_config("defualt")


@pytest.mark.parametrize(
    ("content", "message"), [(b"lr = = 3", "line 1, column 6"), (b"\xff", "cannot be read")]
)
def test_unreadable_file(tmp_path, content, message):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as problem:
        load_config(file=path)
    assert str(path) in str(problem.value)


def test_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml does not exist"):
        load_config(file=tmp_path / "nothing.toml")


def test_another_encoder_does_not_inherit_arguments():
    before = load_config().relations["liked_by"]
    assert before.arguments  # else there is nothing to inherit
    overrides = ["relations.liked_by.heads=2", "relations.liked_by.encoder=gat"]
    assert load_config(overrides=overrides).relations["liked_by"].arguments == {"heads": 2}
    same = load_config(overrides=[f"relations.liked_by.encoder={before.encoder}"]).relations["liked_by"]
    assert same == before


def test_batches_fit_the_loss_unless_given():
    def sizes(*overrides):
        training = load_config(overrides=overrides).training
        return training.batch_size, training.negatives

    assert sizes() == (128, 1024)
    assert sizes("training.loss=sampled_softmax") == (4096, 1024)
    assert sizes("training.loss=bpr") == (4096, 1)
    assert sizes("training.loss=bpr", "training.negatives=3", "training.batch_size=9") == (9, 3)


def test_only_the_softmax_repeats_its_input_unless_asked():
    assert load_config().training.reconstruction > 0
    assert load_config(overrides=["training.loss=sampled_softmax"]).training.reconstruction == 0


def test_another_encoder_keeps_what_is_not_the_encoders():
    config = load_config(overrides=["relations.tag_of.fanout=3", "relations.tag_of.encoder=gat"])
    assert config.relations["tag_of"].fanout == 3
    assert config.relations["tag_of"].arguments == {}
