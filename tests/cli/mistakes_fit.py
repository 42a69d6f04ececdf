"""Mistakes in configurations and splits, and runs that cannot be resumed."""

from __future__ import annotations

from pathlib import Path

from tests.cli.place import FIT, Place, case
from tests.cli.running import hetmusic


def shortened(place: Place) -> Path:
    """The raw dump without its last listen."""
    file = place.raw / "listens.tsv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    return place.raw


FITTING = [
    case(
        "unknown key",
        FIT + " --set training.lrr=1",
        "--set training.lrr=1",
        "'training.lrr'",
        "did you mean 'lr'",
    ),
    case("unknown section", FIT + " --set trainin.lr=1", "--set trainin.lr=1", "did you mean 'training'"),
    case("value of another type", FIT + " --set training.lr=fast", "training.lr = 'fast'"),
    case(
        "value out of range in the file, then again",
        FIT + " --config {at}/c.toml --set training.lr=-2",
        "--set training.lr=-2: training.lr = -2",
        prepare=lambda p: p.write("c.toml", "[training]\nlr = -1\n"),
    ),
    case("value out of range", FIT + " --set training.lr=-1", "training.lr = -1"),
    case("not key=value", FIT + " --set training.lr", "'training.lr'", "section.key=value"),
    case(
        "unknown key in TOML",
        FIT + " --config {at}/c.toml",
        "c.toml",
        "'model.dimm'",
        "did you mean 'dim'",
        prepare=lambda p: p.write("c.toml", "[model]\ndimm = 3\n"),
    ),
    case(
        "not TOML",
        FIT + " --config {at}/c.toml",
        "c.toml",
        "line 1",
        prepare=lambda p: p.write("c.toml", "model: 3\n"),
    ),
    case(
        "TOML not UTF-8",
        FIT + " --config {at}/c.toml",
        "c.toml",
        prepare=lambda p: p.write("c.toml", b"a = '\xe9'\n"),
    ),
    case("no TOML", FIT + " --config {at}/c.toml", "{at}/c.toml"),
    case("TOML is a folder", FIT + " --config {raw}", "{raw}"),
    case("unknown preset", FIT + " --preset defualt", "'defualt'", "did you mean 'default'"),
    case(
        "unknown preset in TOML",
        FIT + " --config {at}/c.toml",
        "'larg'",
        prepare=lambda p: p.write("c.toml", "preset = 'larg'\n"),
    ),
    case("unknown metric", FIT + " --set training.metric=ndgc@10", "'ndgc'", "did you mean 'ndcg'"),
    case("metric without cutoff", FIT + " --set training.metric=ndcg", "training.metric = 'ndcg'"),
    case("unknown loss", FIT + " --set training.loss=softmaxx", "'softmaxx'", "did you mean 'softmax'"),
    case("unknown encoder", FIT + " --set relations.liked_by.encoder=gatt", "'gatt'", "did you mean 'gat'"),
    case("unknown encoder argument", FIT + " --set relations.liked_by.heds=2", "'heds'"),
    case("encoder of no module", FIT + " --set relations.liked_by.encoder=nix_da:Thing", "nix_da"),
    case(
        "unknown relation",
        FIT + " --set relations.like_by.encoder=mean",
        "'like_by'",
        "did you mean 'liked_by'",
    ),
    case("unknown combination", FIT + " --set model.combine=som", "'som'", "did you mean 'sum'"),
    case("unknown modality", FIT + " --set model.modalities=['lyrix']", "'lyrix'"),
    case("unknown device", FIT + " --set training.device=gpu", "'gpu'"),
    case("no such GPU", FIT + " --set training.device=cuda:97", "'cuda:97'"),
    case("no graph", "fit --out {at}/out", "GRAPH"),
    case("no such graph", "fit {at}/nix --out {at}/out", "{at}/nix"),
    case("no --out", "fit {graph}", "--out"),
    case("epochs 0", FIT + " --epochs 0", "--epochs"),
    case("negative seed", FIT + " --seed -1", "--seed"),
    case("run exists", "fit {graph} --out {run}", "{run} already exists", "--resume {run}"),
    case("run below a file", "fit {graph} --out {raw}/users.csv/out", "{raw}/users.csv"),
    case("would replace a graph", "fit {graph} --out {graph} --overwrite", "{graph}"),
    case("would replace a file", "fit {graph} --out {raw}/users.csv --overwrite", "{raw}/users.csv"),
    case("TensorBoard below a file", FIT + " --tensorboard {raw}/users.csv/tb", "{raw}/users.csv"),
    case("unknown split", FIT + " --set split.kind=randon", "split.kind = 'randon'"),
    case("ratios", FIT + " --set split.ratios=[0.5,0.5,0.5]", "ratios"),
    case("fold", FIT + " --set split.kind=kfold --set split.fold=7", "fold"),
    case("no split file", FIT + " --split {at}/nix.inter", "{at}/nix.inter"),
    case(
        "split of other keys",
        FIT + " --split {at}/s.inter",
        "s.inter",
        prepare=lambda p: p.write("s.inter", "userID\titemID\tx_label\n1\t2\t0\n"),
    ),
    case(
        "split lacks a column",
        FIT + " --split {at}/s.inter",
        "s.inter",
        "'x_label'",
        prepare=lambda p: p.write("s.inter", "userID\titemID\nu01\ts01\n"),
    ),
    case(
        "split of unknown labels",
        FIT + " --split {at}/s.inter",
        "s.inter",
        "x_label",
        prepare=lambda p: p.write("s.inter", "userID\titemID\tx_label\nu01\ts01\t7\n"),
    ),
    case("split empty", FIT + " --split {at}/s.inter", "s.inter", prepare=lambda p: p.write("s.inter")),
]

RESUMING = [
    case("graph given", "fit {graph} --resume {run}", "--resume", "GRAPH"),
    case(
        "other options",
        "fit --resume {run} --seed 0 --set model.dim=3 --out {at}/out",
        "--seed",
        "--set",
        "--out",
    ),
    case("preset given", "fit --resume {run} --preset default", "--preset"),
    case("no such run", "fit --resume {at}/nix", "{at}/nix"),
    case("not a run", "fit --resume {graph}", "{graph}", "run.json"),
    case(
        "newer run",
        "fit --resume {run}",
        "run.json",
        "newer",
        prepare=lambda p: p.set_json("run/run.json", format_version=99),
    ),
    case(
        "graph gone", "fit --resume {run} --epochs 4", "{graph}", "gone", prepare=lambda p: p.remove("graph")
    ),
    case(
        "graph changed",
        "fit --resume {run} --epochs 4",
        "{graph}",
        "not the graph",
        prepare=lambda p: (
            p.remove("graph"),
            hetmusic(
                "build", "--spec", p.raw / "spec.yaml", "--raw", shortened(p), "--out", p.graph
            ).succeeded(),
        ),
    ),
    case(
        "configuration damaged",
        "fit --resume {run} --epochs 4",
        "run/config.toml",
        prepare=lambda p: p.write("run/config.toml", "[model\n"),
    ),
    case(
        "split damaged",
        "fit --resume {run} --epochs 4",
        "split.parquet",
        prepare=lambda p: p.cut("run/split/split.parquet"),
    ),
    case(
        "state damaged",
        "fit --resume {run} --epochs 4",
        "model.safetensors",
        prepare=lambda p: p.write(
            str(next(p.run.glob("state/*/model.safetensors")).relative_to(p.at)), b"x" * 30
        ),
    ),
    case(
        "state pointer damaged",
        "fit --resume {run} --epochs 4",
        "latest.json",
        prepare=lambda p: p.write("run/state/latest.json", "[]"),
    ),
    case(
        "another structure",
        "fit --resume {run} --epochs 4",
        "run",
        "fit the model",
        prepare=lambda p: p.edit("run/config.toml", "dim = 8", "dim = 9"),
    ),
]
