"""The trained model: its file, what it says of sounds, and training from a table of ratings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from hetmusic.errors import FeatureError
from hetmusic.features.emotion.descriptors import DESCRIPTORS
from hetmusic.features.emotion.regressors import Function, Scaler
from hetmusic.features.emotion.sound_descriptors import EmotionDescriptors, describe_files
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.features.emotion.train import train_emotion
from hetmusic.graph.emotions import AXES
from tests.cli.running import hetmusic
from tests.features.emotion.sounds import cadence, sine, write_wav

WIDTH = len(DESCRIPTORS)


def small_model(valence_ccc=0.5, arousal_ccc=-0.2):
    """Valence is the first descriptor, arousal a bump around 0."""
    reach = np.full(WIDTH, 2.0)
    first = np.zeros(WIDTH)
    first[0] = 1.0
    functions = (
        Function(0.0, first),
        Function(-1.0, np.array([2.0]), np.zeros((1, WIDTH)), gamma=0.5),
    )
    ccc = dict(zip(AXES, (valence_ccc, arousal_ccc), strict=True))
    return SoundEmotionModel(Scaler(np.zeros(WIDTH), np.ones(WIDTH), reach), functions, ccc, {"songs": 3})


def test_points_and_confidence_of_hand_computed_sounds():
    x = np.zeros((3, WIDTH))
    x[1, 0] = 0.5
    x[2, :10] = 50.0  # beyond all training songs in ten descriptors: taken as 2
    found = small_model().judge(x)
    assert np.allclose(found.points[:, 0], [0, 0.5, 1])
    assert np.allclose(found.points[:, 1], [1, -1 + 2 * np.exp(-0.125), -1], atol=1e-6)
    assert np.allclose(found.confidence[:, 0], [0.5, 0.5, 0.5 * (WIDTH - 10) / WIDTH])
    assert np.allclose(found.confidence[:, 1], 0)  # worse than nothing is no reason to believe it


def test_a_model_comes_back_from_its_file(tmp_path):
    path = tmp_path / "m.safetensors"
    small_model().save(path)
    model = SoundEmotionModel.load(path)
    x = np.random.default_rng(0).standard_normal((5, WIDTH))
    assert np.array_equal(model.judge(x).points, small_model().judge(x).points)
    assert model.concordance == {"valence": 0.5, "arousal": -0.2}
    assert model.info["songs"] == 3
    before = path.read_bytes()
    small_model().save(path)
    assert path.read_bytes() == before


def damaged(path, change):
    """Write the model's file with changed arrays or description."""
    small_model().save(path)
    arrays, described = load_file(path), None
    from safetensors import safe_open

    with safe_open(path, "numpy") as stream:
        described = json.loads(stream.metadata()["hetmusic"])
    change(arrays, described)
    save_file(arrays, path, {"hetmusic": json.dumps(described)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, d: d.update(format=2), "has format 2, this hetmusic reads 1"),
        (lambda a, d: d.update(descriptors=["tempo"]), "trained on other descriptors"),
        (lambda a, d: a.pop("valence.weights"), "is damaged: valence.weights is missing"),
        (lambda a, d: a.update(mean=np.zeros(3)), r"is damaged: mean has shape \(3,\)"),
        (
            lambda a, d: a.update({"arousal.vectors": np.zeros((2, WIDTH))}),
            r"arousal.weights has shape \(1,\)",
        ),
        (
            lambda a, d: a.update({"valence.weights": np.full(WIDTH, np.nan)}),
            "valence.weights holds NaN or infinity",
        ),
        (lambda a, d: a.update(mean=np.full(WIDTH, np.inf)), "mean holds NaN or infinity"),
        (lambda a, d: a.update(spread=np.zeros(WIDTH)), "spread holds a value that is not above 0"),
        (
            lambda a, d: a.update({"arousal.gamma": np.array([-1.0])}),
            "arousal.gamma holds a value that is not above 0",
        ),
        (lambda a, d: a.update({"arousal.intercept": np.zeros(0)}), "is damaged"),
        (lambda a, d: d.update(info=[1]), "is damaged"),
        (
            lambda a, d: d.update(concordance={"valence": "high", "arousal": 0}),
            "is damaged: could not convert",
        ),
        (lambda a, d: d.pop("concordance"), "is damaged: concordance is missing"),
        (lambda a, d: d.clear(), "is no emotion model"),
    ],
)
def test_files_that_are_something_else(tmp_path, change, message):
    path = tmp_path / "m.safetensors"
    damaged(path, change)
    with pytest.raises(FeatureError, match=message) as caught:
        SoundEmotionModel.load(path)
    assert "m.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FeatureError, match="does not exist"):
        SoundEmotionModel.load(tmp_path / "none")
    (tmp_path / "cut").write_bytes(b"\x10\x00")
    with pytest.raises(FeatureError, match="cannot be read as an emotion model"):
        SoundEmotionModel.load(tmp_path / "cut")
    save_file({"x": np.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(FeatureError, match="is no emotion model"):
        SoundEmotionModel.load(tmp_path / "other.safetensors")


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_one_line_or_none(tmp_path, data):
    whole = tmp_path / "whole.safetensors"
    if not whole.exists():
        small_model().save(whole)
    content = bytearray(whole.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(bytes(content))
    try:
        model = SoundEmotionModel.load(path)
    except FeatureError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    with np.errstate(all="ignore"):
        points, confidence = model.judge(np.zeros((1, WIDTH)))
    assert np.abs(points).max() <= 1
    assert confidence.min() >= 0
    assert confidence.max() <= 1


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    """40 sounds: loud ones are excited, minor cadences unpleasant."""
    folder = tmp_path_factory.mktemp("annotated")
    rng, rows = np.random.default_rng(0), []
    for number in range(40):
        minor, gain = bool(number % 2), float(rng.uniform(0.05, 1.0))
        write_wav(folder / "sounds" / f"{number}.wav", gain * cadence(int(rng.integers(55, 67)), minor, 0.25))
        rows.append(f"{number},{3 if minor else 7},{5 + 4 * np.log10(gain / 0.22):.3f}")
    header = "song_id,valence,arousal\n"
    (folder / "rated.csv").write_text(header + "\n".join(rows) + "\nlost,5,5\n")
    (folder / "sounds" / "lost.txt").write_text("no sound")
    return folder


def test_training_finds_what_was_planted(annotated, tmp_path):
    report = train_emotion(
        annotated / "rated.csv", tmp_path / "m", sounds=annotated / "sounds", scale=(1, 9), max_seconds=60
    )
    assert report.songs == 40
    assert report.left_out == {"no file of that name": 1}
    assert min(found.r2 for found in report.held_out.values()) > 0.7
    model = SoundEmotionModel.load(tmp_path / "m")
    assert model.info["max_seconds"] == 60
    assert model.info["held_out"]["valence"]["ccc"] == pytest.approx(report.held_out["valence"].ccc)
    paths = [annotated / "sounds" / f"{number}.wav" for number in range(4)]
    points = model.judge(describe_files(paths, 60).values).points
    assert (points[:, 0] > 0).tolist() == [True, False, True, False]


def test_ratings_of_other_songs_teach_nothing(annotated, tmp_path):
    lines = (annotated / "rated.csv").read_text().splitlines()[:-1]
    order = np.random.default_rng(1).permutation(len(lines) - 1) + 1
    ratings = [line.split(",", 1)[1] for line in lines]
    shuffled = [
        f"{line.split(',')[0]},{ratings[other]}" for line, other in zip(lines[1:], order, strict=True)
    ]
    (tmp_path / "shuffled.csv").write_text("\n".join([lines[0], *shuffled]))
    report = train_emotion(
        tmp_path / "shuffled.csv", tmp_path / "m", sounds=annotated / "sounds", scale=(1, 9)
    )
    assert max(found.r2 for found in report.held_out.values()) <= 0


def test_the_command_prints_the_figures_and_refuses_to_overwrite(annotated, tmp_path):
    call = [
        "features",
        "train-emotion",
        "--annotations",
        annotated / "rated.csv",
        "--sounds",
        annotated / "sounds",
    ]
    call += ["--scale", "1,9", "--out", tmp_path / "m"]
    (tmp_path / "m").write_text("mine")
    assert "already exists" in hetmusic(*call).error
    done = hetmusic(*call, "--overwrite").succeeded()
    assert "40 songs in 40 groups, ratings from 1 to 9" in done.out
    assert "not used: 1 no file of that name" in done.out
    assert "valence of held-out songs: R² 0." in done.out
    assert SoundEmotionModel.load(tmp_path / "m").info["songs"] == 40


def test_too_few_songs_are_not_learned_from(tmp_path):
    (tmp_path / "rated.csv").write_text(
        "key,valence,arousal\n" + "".join(f"s{n},{n},{n}\n" for n in range(1, 10))
    )
    for number in range(3):
        write_wav(tmp_path / f"s{number}.wav", sine(440, 0.5))
    with pytest.raises(FeatureError, match=r"2 of 9 rated songs in 2 groups have a sound below") as caught:
        train_emotion(tmp_path / "rated.csv", tmp_path / "m")
    assert "7 no file of that name" in str(caught.value)
    assert not (tmp_path / "m").exists()


def test_paths_of_a_table_stay_in_the_folder(tmp_path):
    write_wav(tmp_path / "sounds" / "in.wav", sine(440, 0.5))
    write_wav(tmp_path / "out.wav", sine(440, 0.5))
    text = "key,valence,arousal,path\na,1,9,in.wav\nb,9,1,../out.wav\nc,2,2,\n"
    (tmp_path / "rated.csv").write_text(text)
    with pytest.raises(FeatureError, match="1 of 3 rated songs") as caught:
        train_emotion(tmp_path / "rated.csv", tmp_path / "m", sounds=tmp_path / "sounds")
    assert "1 outside the raw folder, 1 none given" in str(caught.value)


def test_the_extractor_describes_files(tmp_path):
    extractor = EmotionDescriptors(max_seconds=0.5)
    long, short = (write_wav(tmp_path / f"{n}.wav", sine(440, n)) for n in (2, 0.5))
    first, second = extractor.prepare(long), extractor.prepare(short)
    assert np.allclose(first, second, atol=1e-3)
    assert extractor.extract([first, second]).shape == (2, WIDTH)
    assert extractor.settings() == {"max_seconds": 0.5}
    with pytest.raises(FeatureError, match="max_seconds"):
        EmotionDescriptors(max_seconds=0)


def test_six_real_clips(shared_data, tmp_path):
    """Six songs are too few to learn from; what has to hold is that the figure says so."""
    folder = shared_data / "emomusic"
    report = train_emotion(folder / "static_annotations.csv", tmp_path / "m", sounds=folder / "clips")
    assert report.songs == report.groups == 6
    assert report.left_out == {"no file of that name": 738}
    assert max(found.r2 for found in report.held_out.values()) < 0.3
