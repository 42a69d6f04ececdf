"""Reading WAV files and describing sound."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from hetmusic.features import Absent, describe
from hetmusic.features.light_audio import AudioStatistics, onset_rate, read_wav, sound_statistics
from hetmusic.features.light_mel import (
    FFT,
    SAMPLE_RATE,
    frames,
    hertz_to_mel,
    mel_filters,
    mel_to_hertz,
    power_spectrum,
)


def write_wav(path: Path, octets: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as stream:
        stream.setparams((channels, width, rate, 0, "NONE", ""))
        stream.writeframes(octets)
    return path


def tone(hertz: float, seconds: float = 0.5, rate: int = SAMPLE_RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def pcm16(sound: np.ndarray) -> bytes:
    return np.rint(sound * 32767).astype("<i2").tobytes()


def test_mel_scale_has_its_known_points() -> None:
    assert hertz_to_mel(0.0) == 0.0
    assert hertz_to_mel(1000.0) == pytest.approx(999.99, abs=0.01)  # 1000 Hz is 1000 mel by definition
    assert mel_to_hertz(hertz_to_mel(440.0)) == pytest.approx(440.0)


@pytest.mark.parametrize("bands", [1, 10, 40, 128])
def test_mel_filters_sum_to_one_and_rise_in_pitch(bands: int) -> None:
    filters = mel_filters(bands)
    assert filters.shape == (bands, FFT // 2 + 1)
    np.testing.assert_allclose(filters.sum(axis=1), 1.0)
    assert (filters >= 0).all()
    centres = filters @ np.arange(FFT // 2 + 1)
    assert (np.diff(centres) >= 0).all()


def test_mel_filter_is_a_triangle() -> None:
    """One band from 0 to 8 kHz: its peak is at the frequency of half the mel."""
    (row,) = mel_filters(1, 0.0, 8000.0)
    peak = mel_to_hertz(hertz_to_mel(8000.0) / 2)
    assert row.argmax() == round(float(peak) * FFT / SAMPLE_RATE)
    rising = row[: row.argmax()]
    np.testing.assert_allclose(np.diff(rising), np.diff(rising)[0])


def test_frames_and_spectrum_find_a_tone() -> None:
    sound = tone(1000.0)
    assert frames(sound).shape == ((8000 - 400) // 160 + 1, 400)
    np.testing.assert_array_equal(frames(sound)[1], sound[160:560])
    assert (power_spectrum(sound).argmax(axis=1) == 1000 * FFT // SAMPLE_RATE).all()


def test_statistics_of_a_tone() -> None:
    values = sound_statistics(tone(2000.0), bands=10)
    assert values.shape == (25,)
    mean, spread = values[:10], values[10:20]
    assert mel_filters(10)[mean.argmax(), 2000 * FFT // SAMPLE_RATE] > 0, "the loudest band holds the tone"
    assert spread[mean.argmax()] < 0.05, "a steady tone stays"
    assert values[20] == pytest.approx(0.25, abs=0.01), "centroid: 2 of 8 kHz"
    assert values[22] == pytest.approx(0.25, abs=0.01), "4000 crossings in 16000 samples"
    assert values[24] == 0.0


def test_louder_is_a_constant_more_in_every_loud_band() -> None:
    quiet, loud = (sound_statistics(gain * tone(2000.0), bands=10) for gain in (0.5, 1.0))
    band = quiet[:10].argmax()
    assert (loud - quiet)[band] == pytest.approx(np.log(4.0), abs=1e-3)


def test_onsets_are_counted() -> None:
    clicks = np.full(SAMPLE_RATE, 1e-3) * np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    for start in (2000, 6000, 10_000, 14_000):
        clicks[start : start + 400] += tone(1500.0, 0.025)
    assert sound_statistics(clicks, bands=20)[-1] == pytest.approx(4.0, rel=0.05)
    assert onset_rate(np.zeros((50, 4))) == 0.0


@pytest.mark.parametrize(
    ("width", "octets", "expected"),
    [
        (1, bytes([0, 128, 192]), [-1.0, 0.0, 0.5]),
        (2, np.array([-32768, 0, 16384], "<i2").tobytes(), [-1.0, 0.0, 0.5]),
        (3, bytes([0, 0, 0x80, 0, 0, 0, 0, 0, 0x40]), [-1.0, 0.0, 0.5]),
        (4, np.array([-(2**31), 0, 2**30], "<i4").tobytes(), [-1.0, 0.0, 0.5]),
    ],
)
def test_every_sample_width_is_read(tmp_path: Path, width: int, octets: bytes, expected: list[float]) -> None:
    path = write_wav(tmp_path / "a.wav", octets, width=width)
    np.testing.assert_array_equal(read_wav(path, 1.0), np.array(expected, np.float32))


def test_channels_are_averaged_and_rates_made_equal(tmp_path: Path) -> None:
    stereo = np.stack([tone(500.0, 1.0, 44_100), np.zeros(44_100)], axis=1)
    sound = read_wav(write_wav(tmp_path / "a.wav", pcm16(stereo), rate=44_100, channels=2), 10.0)
    assert len(sound) == SAMPLE_RATE
    np.testing.assert_allclose(sound[500:-500], 0.5 * tone(500.0, 1.0)[500:-500], atol=2e-3)


def test_only_the_beginning_of_a_long_file_is_heard(tmp_path: Path) -> None:
    assert len(read_wav(write_wav(tmp_path / "a.wav", pcm16(tone(500.0, 2.0))), 0.75)) == 12_000


def test_a_cut_off_file_gives_what_it_has(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", pcm16(tone(500.0, 1.0)))
    path.write_bytes(path.read_bytes()[: 44 + 16_001])
    assert len(read_wav(path, 10.0)) == 8000


def test_absences_have_reasons(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    write_wav(tmp_path / "short.wav", pcm16(tone(500.0, 0.02)))
    write_wav(tmp_path / "silent.wav", bytes(32_000))
    write_wav(tmp_path / "none.wav", b"")
    write_wav(tmp_path / "good.wav", pcm16(tone(500.0)))
    names = [
        "empty",
        "text",
        "folder",
        "pipe",
        "short",
        "silent",
        "none",
        "nowhere",
        "good",
        "x" * 300,
        "nul\0",
    ]
    result = describe(AudioStatistics(), [*(tmp_path / f"{name}.wav" for name in names), None])
    assert result.reasons == (
        "empty file",
        "not a readable PCM WAV file",
        "no such file",
        "no such file",
        "too short",
        "silent",
        "too short",
        "no such file",
        None,
        "unreadable path",
        result.reasons[10],
        "none given",
    )
    assert result.reasons[10] in ("unreadable path", "no such file")
    assert result.present.sum() == 1
    assert result.values.shape == (12, 85)
    assert not result.values[~result.present].any()


@pytest.mark.parametrize("rate", [0, 1, 3_999, 400_000])
def test_implausible_rates_are_refused(tmp_path: Path, rate: int) -> None:
    path = write_wav(tmp_path / "a.wav", pcm16(tone(500.0)))
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(Absent, match="not a readable"):
        read_wav(path, 1.0)


def test_damaged_files_never_raise(tmp_path: Path) -> None:
    good = write_wav(tmp_path / "good.wav", pcm16(tone(500.0, 0.1))).read_bytes()
    rng = np.random.default_rng(0)
    paths = []
    for number in range(300):
        content = bytearray(good)
        for position in rng.integers(0, 60 if number % 2 else len(good), 4):
            content[position] = rng.integers(256)
        paths.append(tmp_path / f"{number}.wav")
        paths[-1].write_bytes(content[: rng.integers(1, len(good) + 1)] if number % 3 == 0 else content)
    result = describe(AudioStatistics(), paths)
    assert 0 < result.present.sum() < 300
    assert np.isfinite(result.values).all()
