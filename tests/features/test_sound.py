"""Decoding sound files of all formats, and what is said of those that are none."""

from __future__ import annotations

import os
import shutil
import threading
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from hetmusic.errors import FeatureError
from hetmusic.features import Absent, AbsentForNow
from hetmusic.features.sound import SAMPLE_RATE, read_sound, sound_blocks
from hetmusic.features.sound.process import DecodingProcess
from tests.features.sound_files import FORMATS, pcm16, tone, write_sound, write_wav


def reason(path: Path, **options: float) -> str:
    with pytest.raises(Absent) as caught:
        read_sound(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_sound(tmp_path: Path, kind: str) -> None:
    rate = 48_000 if kind == "opus" else 44_100
    stereo = np.stack([tone(500.0, 2.0, rate), np.zeros(2 * rate)], axis=1)
    sound = read_sound(write_sound(tmp_path / f"a.{kind}", stereo, rate))
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(2 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    middle = sound[8_000:24_000]
    assert np.abs(np.fft.rfft(middle)).argmax() == 500, "hertz, in a second of sound"
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.25 / np.sqrt(2), rel=0.05), "half of one channel"


@pytest.mark.parametrize(
    ("width", "octets"),
    [
        (1, bytes([0, 128, 192])),
        (2, np.array([-32768, 0, 16384], "<i2").tobytes()),
        (3, bytes([0, 0, 0x80, 0, 0, 0, 0, 0, 0x40])),
        (4, np.array([-(2**31), 0, 2**30], "<i4").tobytes()),
    ],
)
def test_every_sample_width_is_read(tmp_path: Path, width: int, octets: bytes) -> None:
    path = write_wav(tmp_path / "a.wav", 200 * octets, width=width)
    np.testing.assert_array_equal(read_sound(path), np.tile(np.float32([-1.0, 0.0, 0.5]), 200))


def test_blocks_are_resampled_as_one_sound(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).uniform(-0.5, 0.5, 300_000).astype(np.float32)
    path = tmp_path / "a.wav"
    soundfile.write(path, whole, 44_100, subtype="FLOAT")
    blocks = list(sound_blocks(path))
    assert len(blocks) > 3
    np.testing.assert_allclose(np.concatenate(blocks), soxr.resample(whole, 44_100, SAMPLE_RATE), atol=1e-6)


def test_a_part_is_that_part_of_the_whole(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.ogg", tone(300.0, 8.0, 22_050), 22_050)
    whole = read_sound(path)
    np.testing.assert_array_equal(read_sound(path, offset=2.5, max_seconds=3.25), whole[40_000:92_000])
    np.testing.assert_array_equal(read_sound(path, offset=7.0), whole[112_000:])
    np.testing.assert_array_equal(read_sound(path, offset=7.0), read_sound(path, offset=7.0, guarded=False))
    assert reason(path, offset=9.0) == "too short"


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    minute = np.random.default_rng(0).uniform(-0.5, 0.5, 60 * 4_000).astype(np.float32)
    with soundfile.SoundFile(path, "w", 4_000, 1, format="FLAC") as stream:
        for _ in range(20):
            stream.write(minute)
    tracemalloc.start()
    try:
        samples = sum(len(block) for block in sound_blocks(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples == 20 * 60 * SAMPLE_RATE
    assert peak < 6e6, "of 77 MB"


def test_damaged_files_give_what_is_there(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", pcm16(tone(500.0, 1.0)))
    path.write_bytes(path.read_bytes()[: 44 + 16_001])
    assert len(read_sound(path)) == 8_000
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 10 * SAMPLE_RATE)
    for kind in ("flac", "mp3", "ogg"):
        path = write_sound(tmp_path / f"a.{kind}", noise, SAMPLE_RATE)
        path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
        assert 5 < len(read_sound(path)) / SAMPLE_RATE < 8, kind


def test_what_comes_after_a_damaged_place_is_heard_too(tmp_path: Path) -> None:
    """libsndfile gives FLAC up where FFmpeg does not, at the beginning or later; a frame is lost."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 10 * SAMPLE_RATE)
    path = write_sound(tmp_path / "a.flac", noise, SAMPLE_RATE)
    whole, sound = path.read_bytes(), read_sound(path)
    for place in (100, 9_000, 150_000):
        path.write_bytes(whole[:place] + bytes(60) + whole[place + 60 :])
        heard = read_sound(path)
        assert len(sound) - 3 * 4_096 <= len(heard) <= len(sound)
        np.testing.assert_array_equal(heard[-4_096:], sound[-4_096:])


def test_a_length_that_is_not_there_is_an_absence(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 10 * SAMPLE_RATE)
    path = write_sound(tmp_path / "a.flac", noise, SAMPLE_RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.3 * len(whole))])
    assert reason(path) == "cut off before half of its length"
    assert len(read_sound(path, max_seconds=2.0)) == 2 * SAMPLE_RATE, "what is wanted is there"
    # the 36 bits of STREAMINFO that hold the number of samples
    path.write_bytes(whole[:21] + bytes([whole[21] | 0x0F]) + b"\xff\xff\xff\xff" + whole[26:])
    assert reason(path) == "cut off before half of its length"


def test_a_wave_header_may_announce_any_length(tmp_path: Path) -> None:
    """Programs that write to a pipe know none."""
    path = write_wav(tmp_path / "a.wav", pcm16(tone(500.0, 1.0)))
    content = bytearray(path.read_bytes())
    for size in (0x7FFFFFFF, 0xFFFFFFFF):
        content[4:8] = content[40:44] = size.to_bytes(4, "little")
        path.write_bytes(content)
        assert len(read_sound(path)) == SAMPLE_RATE


def test_what_is_no_number_becomes_zero_or_an_absence(tmp_path: Path) -> None:
    sound = tone(500.0, 1.0).astype(np.float32)
    path = tmp_path / "a.wav"
    sound[[10, 20, 30, 40]] = [np.nan, np.inf, -np.inf, 7.0]
    soundfile.write(path, sound, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read_sound(path)[[10, 20, 30, 40]], [0.0, 0.0, 0.0, 1.0])
    for value in (np.nan, np.inf, 1e30, -32768.0):
        sound[100:500] = value
        soundfile.write(path, sound, SAMPLE_RATE, subtype="FLOAT")
        assert reason(path) == "samples that are no numbers or far beyond full scale"
    soundfile.write(path, 1.5 * tone(500.0, 1.0), SAMPLE_RATE, subtype="FLOAT")
    assert np.abs(read_sound(path)).max() <= 1.0


def test_every_absence_has_its_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "text.mp3").write_text("not a sound " * 500)
    (tmp_path / "raw.raw").write_bytes(bytes(5_000))
    shutil.copy(Path(__file__), tmp_path / "code.m4a")
    write_wav(tmp_path / "none.wav", b"")
    write_wav(tmp_path / "short.wav", pcm16(tone(500.0, 0.02)))
    write_wav(tmp_path / "silent.wav", bytes(32_000))
    write_sound(tmp_path / "many.wav", np.zeros((1000, 80)), SAMPLE_RATE)
    found = {path.name: reason(path) for path in tmp_path.iterdir()}
    assert found == {
        "pipe.wav": "no such file",
        "folder.wav": "no such file",
        "empty.mp3": "empty file",
        "text.mp3": "not a readable sound file",
        "raw.raw": "not a readable sound file",
        "code.m4a": "not a readable sound file",
        "none.wav": "not a readable sound file",
        "short.wav": "too short",
        "silent.wav": "silent",
        "many.wav": "implausible number of channels",
    }
    assert reason(tmp_path / "nowhere.wav") == "no such file"
    assert reason(tmp_path / ("x" * 300)) in {"no such file", "unreadable path"}
    assert reason(tmp_path / "nul\0.wav") in {"no such file", "unreadable path"}


@pytest.mark.parametrize("rate", [0, 1, 3_999, 400_000, 0xFFFFFFFF])
def test_implausible_rates_are_refused(tmp_path: Path, rate: int) -> None:
    path = write_wav(tmp_path / "a.wav", pcm16(tone(500.0)))
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    assert reason(path) in {"implausible sampling rate", "not a readable sound file"}


def test_more_than_eight_channels_are_averaged_too(tmp_path: Path) -> None:
    """PyAV crashes where each of them has an array of its own."""
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (4_000, 16)).astype(np.float32)
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout="hexadecagonal")
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="hexadecagonal")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    np.testing.assert_allclose(read_sound(path), sound.mean(axis=1), atol=1e-6)


def test_a_sound_has_channels(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", pcm16(tone(500.0)))
    content = bytearray(path.read_bytes())
    content[22:24] = b"\0\0"
    path.write_bytes(content)
    assert reason(path) in {"implausible number of channels", "not a readable sound file"}


def test_a_name_need_not_be_text_nor_tell_the_format(tmp_path: Path) -> None:
    sound = read_sound(write_sound(tmp_path / "a.m4a", tone(500.0, 1.0, 44_100), 44_100))
    for name in (b"\xff\xfe.mp3", b"http:x", b"-i.raw", "Verd\u00e4chtig".encode()):
        path = tmp_path / os.fsdecode(name)
        shutil.copy(tmp_path / "a.m4a", path)
        np.testing.assert_array_equal(read_sound(path), sound)


def test_playlists_open_no_other_file(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.aac", tone(500.0, 1.0, 44_100), 44_100)
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n"
    (tmp_path / "a.m3u8").write_text(f"{head}file:{tmp_path}/a.aac\n#EXT-X-ENDLIST\n")
    (tmp_path / "b.mp3").write_text(f"ffconcat version 1.0\nfile {tmp_path}/a.aac\n")
    for name in ("a.m3u8", "b.mp3"):
        assert reason(tmp_path / name) == "not a readable sound file"


def test_without_pyav_the_reason_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sound(tmp_path / "a.m4a", tone(500.0, 1.0, 44_100), 44_100)
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(AbsentForNow, match="PyAV is not installed"):
        read_sound(path, guarded=False)


@pytest.mark.parametrize(
    "options",
    [{"offset": -1.0}, {"offset": np.nan}, {"offset": np.inf}, {"max_seconds": 0.0}, {"max_seconds": np.nan}],
)
def test_settings_that_answer_to_nothing_are_refused(tmp_path: Path, options: dict[str, float]) -> None:
    with pytest.raises(FeatureError, match="is a number of seconds"):
        read_sound(tmp_path / "a.wav", **options)


def test_threads_decode_at_once_and_some_stop_early(tmp_path: Path) -> None:
    paths = [
        write_sound(tmp_path / f"{hertz}.mp3", tone(float(hertz), 4.0, 44_100), 44_100)
        for hertz in (300, 500, 700, 900)
    ]
    found: dict[Path, np.ndarray] = {}

    def listen(path: Path) -> None:
        for _ in range(3):
            next(sound_blocks(path))  # given up after a block
            found[path] = read_sound(path)

    threads = [threading.Thread(target=listen, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path in paths:
        assert np.abs(np.fft.rfft(found[path][:SAMPLE_RATE])).argmax() == int(path.stem)


@pytest.fixture
def unruly():
    process = DecodingProcess(patience=0.5, module="tests.features.unruly_decoder")
    yield process
    process.stop()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("crash", "crashes the decoder"), ("half", "crashes the decoder"), ("hang", "hangs the decoder")],
)
def test_a_decoder_that_ends_is_started_again(unruly: DecodingProcess, name: str, reason: str) -> None:
    for _ in range(2):
        with pytest.raises(AbsentForNow, match=reason):
            list(unruly.decode(name, 0.0, 1.0))
        (block,) = unruly.decode("good", 0.0, 1.0)
        np.testing.assert_array_equal(block, np.float32([0.25, -0.5]))


def test_our_own_mistakes_are_no_absences(unruly: DecodingProcess) -> None:
    with pytest.raises(RuntimeError, match="Traceback: ours"):
        list(unruly.decode("bug", 0.0, 1.0))


def test_a_slow_listener_is_not_the_decoders_fault(unruly: DecodingProcess) -> None:
    blocks = unruly.decode("good", 0.0, 1.0)
    next(blocks)
    threading.Event().wait(1.2)
    assert list(blocks) == []
    assert len(list(unruly.decode("good", 0.0, 1.0))) == 1, "it still runs"
