"""YAMNet's embeddings of songs: windows, pooling, long files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hetmusic.errors import FeatureError
from hetmusic.features import YamnetAudio, describe, extractors
from hetmusic.features.sound import SAMPLE_RATE
from hetmusic.features.yamnet import extractor as module
from hetmusic.features.yamnet.extractor import Sound, highest, whole_windows
from hetmusic.features.yamnet.runtime import default_threads
from tests.features.sound_files import pcm16, tone, write_sound, write_wav
from tests.features.yamnet.saved_models import CLASSES, EMBEDDING, HOP, WINDOW, by_hand

#: lengths around those at which another window begins
LENGTHS = [400, WINDOW - 1, WINDOW, WINDOW + 1, WINDOW + HOP, WINDOW + HOP + 1, 5 * HOP + 7, 100_000]


def noise(length: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.uniform(-0.5, 0.5, length) * np.linspace(0.1, 1.0, length)).astype(np.float32)


def vector(extractor: YamnetAudio, samples: np.ndarray) -> np.ndarray:
    return extractor.extract([Sound(Path("none"), samples)])[0]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_vector_is_the_mean_and_sd_of_windows_and_the_mean_of_scores(
    loaded: YamnetAudio, length: int
) -> None:
    scores, embeddings = by_hand(noise(length))
    expected = np.concatenate([embeddings.mean(axis=0), embeddings.std(axis=0), scores.mean(axis=0)])
    assert expected.shape == (2 * EMBEDDING + CLASSES,)
    np.testing.assert_allclose(vector(loaded, noise(length)), expected, atol=2e-4)


def test_windows_hear_what_they_should(loaded: YamnetAudio) -> None:
    """A click is in the windows that begin less than 0.975 s before it, of the four that there are."""
    sound = np.full(WINDOW + 3 * HOP, 0.1, np.float32)
    assert vector(loaded, sound)[0] == pytest.approx(0.1)
    # windows begin at 0, HOP, 2 * HOP, 3 * HOP; two and a bit hops long, they overlap in threes for 240 samples
    expected = {
        0: 1,
        HOP - 1: 1,
        HOP: 2,
        2 * HOP - 1: 2,
        2 * HOP: 3,
        WINDOW - 1: 3,
        WINDOW: 2,
        len(sound) - 1: 1,
    }
    for place, hearing in expected.items():
        clicked = sound.copy()
        clicked[place] = 0.5
        share = hearing / 4
        found = vector(loaded, clicked)
        assert found[0] == pytest.approx(0.1 + 0.4 * share), place
        assert found[EMBEDDING] == pytest.approx(0.4 * np.sqrt(share * (1 - share))), place


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(400, 80_000),
    at_once=st.integers(1, 6),
    cuts=st.lists(st.integers(0, 80_000), max_size=6),
)
@example(length=WINDOW, at_once=1, cuts=[])
@example(length=WINDOW + 3 * HOP, at_once=2, cuts=[WINDOW])
@example(length=WINDOW + 3 * HOP + 1, at_once=4, cuts=[])
def test_cut_windows_are_those_of_the_whole(length: int, at_once: int, cuts: list[int]) -> None:
    sound = np.arange(1, length + 1, dtype=np.float32)
    found = []
    for waveform in whole_windows(iter(np.split(sound, sorted(cuts))), at_once):
        count = 1 + max(0, -(-(len(waveform) - WINDOW) // HOP))
        assert count <= at_once + 1, "the last may have one that is not whole beside it"
        padded = np.pad(waveform, (0, WINDOW + (count - 1) * HOP - len(waveform)))
        found += [padded[HOP * number : HOP * number + WINDOW] for number in range(count)]
    number = 1 + max(0, -(-(length - WINDOW) // HOP))
    whole = np.pad(sound, (0, WINDOW + (number - 1) * HOP - length))
    expected = [whole[HOP * number : HOP * number + WINDOW] for number in range(number)]
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))


def test_a_long_file_is_streamed_and_gives_the_same(
    loaded: YamnetAudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(20 * SAMPLE_RATE), SAMPLE_RATE, subtype="FLOAT")
    held = loaded.prepare(path)
    assert held.samples is not None
    assert len(held.samples) == 20 * SAMPLE_RATE
    assert loaded.size(held) == 41
    monkeypatch.setattr(module, "_AHEAD", 7)
    monkeypatch.setattr(loaded, "_at_once", 3)
    streamed = loaded.prepare(path)
    assert streamed.samples is None
    assert loaded.size(streamed) == 14
    values = loaded.extract([held, streamed])
    np.testing.assert_allclose(values[1], values[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        values[0, :EMBEDDING], by_hand(noise(20 * SAMPLE_RATE))[1].mean(axis=0), atol=2e-4
    )


def test_fewer_windows_at_a_time_where_memory_ends(
    loaded: YamnetAudio, tensorflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = noise(30 * HOP)
    expected = vector(loaded, sound)
    whole = loaded._yamnet
    assert whole is not None
    given: list[int] = []

    class Small:
        classes = whole.classes

        def __call__(self, waveform: np.ndarray) -> Any:
            given.append(len(waveform))
            if len(waveform) > 9 * HOP:
                raise tensorflow.errors.ResourceExhaustedError(None, None, "too much")
            return whole(waveform)

    monkeypatch.setattr(loaded, "_yamnet", Small())
    monkeypatch.setattr(loaded, "_at_once", 28)
    np.testing.assert_allclose(vector(loaded, sound), expected, rtol=1e-5, atol=1e-6)
    assert loaded._at_once == 7
    assert sum(length > 9 * HOP for length in given) == 3, (
        "28 windows, and twice the 14 that they were cut into"
    )
    monkeypatch.setattr(Small, "__call__", lambda *_: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        vector(loaded, sound)


def test_only_the_highest_scores_are_kept(loaded: YamnetAudio, yamnet_folder: Path) -> None:
    np.testing.assert_array_equal(highest(np.array([0.1, 0.5, 0.3, 0.5, 0.4]), 3), [0, 0.5, 0, 0.5, 0.4])
    few = YamnetAudio(str(yamnet_folder), pooling="mean", top_scores=5)
    few.load("cpu")
    found, whole = vector(few, noise(50_000)), vector(loaded, noise(50_000))
    assert found.shape == (EMBEDDING + CLASSES,)
    kept = np.flatnonzero(found[EMBEDDING:])
    assert len(kept) == 5
    np.testing.assert_allclose(found[EMBEDDING:][kept], whole[2 * EMBEDDING :][kept])
    assert set(kept) == set(np.argsort(whole[2 * EMBEDDING :])[-5:])
    few.top_scores = 0
    np.testing.assert_allclose(vector(few, noise(50_000)), whole[:EMBEDDING])


def test_scores_have_names(loaded: YamnetAudio) -> None:
    assert loaded.class_names()[::520] == ["Class, 0", "Class, 520"]


def test_files_are_described_and_absences_have_reasons(loaded: YamnetAudio, tmp_path: Path) -> None:
    write_wav(tmp_path / "silent.wav", bytes(32_000))
    (tmp_path / "text.mp3").write_text("not a sound")
    paths = [
        write_sound(tmp_path / f"a.{kind}", tone(440.0, 3.0, 44_100), 44_100) for kind in ("flac", "m4a")
    ]
    result = describe(loaded, [*paths, tmp_path / "silent.wav", tmp_path / "text.mp3", None])
    assert result.reasons == (None, None, "silent", "not a readable sound file", "none given")
    assert result.values.shape == (5, 2 * EMBEDDING + CLASSES)
    np.testing.assert_allclose(result.values[0, :EMBEDDING], result.values[1, :EMBEDDING], atol=1.0)


def test_the_part_that_is_asked_for_is_heard(yamnet_folder: Path, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", pcm16(np.concatenate([tone(500.0, 2.0), 0.5 * tone(500.0, 2.0)])))
    part = YamnetAudio(str(yamnet_folder), offset=2.0, max_seconds=1.5)
    sound = part.prepare(path).samples
    assert sound is not None
    assert len(sound) == 1.5 * SAMPLE_RATE
    assert np.abs(sound).max() == pytest.approx(0.25, abs=1e-3)


def test_settings_are_what_vectors_depend_on(yamnet_folder: Path) -> None:
    handle = extractors.make("yamnet").settings()
    assert handle["model"] == "https://tfhub.dev/google/yamnet/1"
    assert "sha256" not in handle
    one, two = (YamnetAudio(str(yamnet_folder), threads=threads).settings() for threads in (1, 2))
    assert one == two, "threads change nothing"
    assert one["model"] == "model", "a folder may be moved"
    assert len(one["sha256"]) == 64
    assert YamnetAudio(str(yamnet_folder), pooling="mean").settings() != one


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "max"},
        {"top_scores": -1},
        {"threads": 0},
        {"max_seconds": 0.0},
        {"offset": -1.0},
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(FeatureError, match=next(iter(options))):
        YamnetAudio(**options)


def test_load_comes_first(yamnet_folder: Path) -> None:
    with pytest.raises(FeatureError, match="load has to come before"):
        vector(YamnetAudio(str(yamnet_folder)), noise(1000))


def test_threads_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for stated, expected in (("3", 3), ("4,2", 4)):
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
        assert default_threads() == expected
    for stated in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)))
        assert default_threads() == 6


#: what a process of its own says of TensorFlow after it has computed beside torch
_BESIDE_TORCH = """
import sys
from pathlib import Path

import numpy as np
import torch

from hetmusic.features import YamnetAudio
from hetmusic.features.yamnet.extractor import Sound

assert "tensorflow" not in sys.modules, "imported before it is needed"
torch.ones(200, 200) @ torch.ones(200, 200)
before = len(list(Path("/proc/self/task").iterdir()))
extractor = YamnetAudio(sys.argv[1], threads=None)
extractor.load()
import tensorflow as tf

vector = extractor.extract([Sound(Path("none"), np.ones(50_000, np.float32))])
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
print(tf.config.get_visible_devices("GPU"))
print(len(list(Path("/proc/self/task").iterdir())) - before)
print(torch.get_num_threads(), float((torch.ones(200, 200) @ torch.ones(200, 200)).sum()))
"""


def test_tensorflow_takes_neither_all_threads_nor_a_gpu(
    yamnet_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = subprocess.run(
        [sys.executable, "-c", _BESIDE_TORCH, str(yamnet_folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    threads, gpus, more, torch_after = done.stdout.splitlines()
    assert threads == "1 1"
    assert gpus == "[]"
    # its pools of one thread each, and what watches them; by default there is one thread a processor in each pool
    assert int(more) <= 8
    assert torch_after == "1 8000000.0"
