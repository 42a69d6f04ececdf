"""Describing sound without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.errors import FeatureError
from hetmusic.features import describe
from hetmusic.features.light_audio import AudioStatistics, onsets, sound_statistics, zero_crossings
from hetmusic.features.light_framing import Framing
from hetmusic.features.light_spectrum import (
    FFT,
    FRAME,
    HOP,
    cepstral_basis,
    chroma,
    frames,
    hertz_to_mel,
    mel_filters,
    mel_to_hertz,
    pitch_classes,
    power_sums,
)
from hetmusic.features.moments import Moments
from hetmusic.features.sound import SAMPLE_RATE
from tests.features.sound_files import pcm16, tone, write_sound, write_wav

#: where the statistics of 40 bands stand
MEL, MEL_SD, MFCC, MFCC_SD, CHROMA, CHROMA_SD = (
    slice(0, 40),
    slice(40, 80),
    slice(80, 93),
    slice(93, 106),
    slice(106, 118),
    slice(118, 130),
)
CENTROID, CROSSINGS, CENTROID_SD, CROSSINGS_SD, ONSETS = range(130, 135)


def single(sound: np.ndarray) -> np.ndarray:
    return np.asarray(sound, dtype=np.float32)


def statistics_of(sound: np.ndarray) -> np.ndarray:
    return sound_statistics([single(sound)], 40)


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
    sound = single(tone(1000.0))
    assert frames(sound).shape == ((8000 - 400) // 160 + 1, 400)
    np.testing.assert_array_equal(frames(sound)[1], sound[160:560])
    assert (power_sums(sound, np.eye(FFT // 2 + 1)).argmax(axis=1) == 1000 * FFT // SAMPLE_RATE).all()


def test_sums_of_the_power_spectrum_are_those_of_its_definition() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, 100_000)  # more frames than are transformed at once
    spectrum = np.fft.rfft(frames(sound) * np.hanning(FRAME + 1)[:-1], FFT)
    weights = mel_filters(40)
    np.testing.assert_allclose(
        power_sums(single(sound), weights), np.abs(spectrum) ** 2 @ weights.T, rtol=1e-4
    )


def test_the_cepstral_basis_is_the_orthonormal_cosine_transform() -> None:
    energies = np.random.default_rng(0).normal(size=(3, 40))
    expected = scipy.fft.dct(energies, type=2, norm="ortho")[:, :13]
    np.testing.assert_allclose(energies @ cepstral_basis(40, 13).T, expected)


@pytest.mark.parametrize(("hertz", "name"), [(261.63, 0), (329.63, 4), (440.0, 9), (880.0, 9), (3951.07, 11)])
def test_a_note_is_of_its_pitch_class(hertz: float, name: int) -> None:
    shares = chroma(single(tone(hertz, 2.0)))
    assert shares.shape == ((32_000 - 8192) // 4096 + 1, 12)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-5)
    assert (shares[:, name] > 0.9).all()
    statistics = statistics_of(tone(hertz, 2.0))
    assert statistics[CHROMA].argmax() == name
    assert statistics[CHROMA_SD].max() < 0.01


def test_each_bin_is_of_one_pitch_class_at_most() -> None:
    assert set(pitch_classes().sum(axis=0)) == {0.0, 1.0}
    assert not pitch_classes()[:, [0, 1, -1]].any(), "no note is so low or so high"


def test_without_notes_there_is_no_chroma() -> None:
    assert len(chroma(np.zeros(20_000, np.float32))) == 0
    assert not statistics_of(tone(440.0, 0.3))[CHROMA].any(), "shorter than a frame of pitch"


def test_statistics_of_a_tone() -> None:
    values = statistics_of(tone(2000.0))
    assert values.shape == (135,)
    mean, spread = values[MEL], values[MEL_SD]
    assert mel_filters(40)[mean.argmax(), 2000 * FFT // SAMPLE_RATE] > 0, "the loudest band holds the tone"
    assert spread[mean.argmax()] < 0.05, "a steady tone stays"
    np.testing.assert_allclose(values[MFCC], cepstral_basis(40, 13) @ mean, rtol=1e-4, atol=1e-4)
    assert values[CENTROID] == pytest.approx(0.25, abs=0.01), "2 of 8 kHz"
    assert values[CROSSINGS] == pytest.approx(0.25, abs=0.01), "4000 crossings in 16000 samples"
    assert values[[CENTROID_SD, CROSSINGS_SD]].max() < 0.01
    assert values[ONSETS] == 0.0


def test_louder_is_a_constant_more_in_every_loud_band_and_in_the_first_coefficient() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 16_000)
    quiet, loud = statistics_of(0.5 * noise), statistics_of(noise)
    np.testing.assert_allclose((loud - quiet)[MEL], np.log(4.0), atol=1e-3)
    expected = np.zeros(13)
    expected[0] = np.log(4.0) * np.sqrt(40)
    np.testing.assert_allclose((loud - quiet)[MFCC], expected, atol=5e-3)


def test_zero_crossings_are_counted_frame_by_frame() -> None:
    sound = single(np.random.default_rng(0).normal(size=3000))
    expected = np.mean(np.diff(np.signbit(frames(sound)), axis=1), axis=1)
    np.testing.assert_allclose(zero_crossings(sound), expected, rtol=1e-6)


def test_onsets_are_counted() -> None:
    clicks = np.full(SAMPLE_RATE, 1e-3) * np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    for start in (2000, 6000, 10_000, 14_000):
        clicks[start : start + 400] += tone(1500.0, 0.025)
    assert statistics_of(clicks)[ONSETS] == pytest.approx(4.0, rel=0.05)
    assert onsets(np.zeros(50, np.float32)) == 0
    #         a peak, one too close to it, one below the threshold, one more
    rises = np.float32([0, 1, 0, 0, 0.9, 0, 0, 0, 0.6, 0, 0, 0, 2, 0])
    assert onsets(rises) == 2


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=12), length=st.integers(FRAME, 30_000))
def test_blocks_of_any_lengths_are_one_sound(cuts: list[int], length: int) -> None:
    sound = single(np.random.default_rng(length).uniform(-0.5, 0.5, length))
    blocks = np.split(sound, sorted(cuts))
    np.testing.assert_allclose(sound_statistics(blocks, 40), statistics_of(sound), rtol=1e-3, atol=1e-4)
    framing = Framing(FRAME, HOP)
    parts = [part for block in blocks if len(part := framing.push(block))]
    np.testing.assert_array_equal(np.concatenate([frames(part) for part in parts]), frames(sound))


@given(cuts=st.lists(st.integers(0, 40), max_size=5), shift=st.sampled_from([0.0, 1e6]))
def test_moments_of_parts_are_those_of_the_whole(cuts: list[int], shift: float) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3)) + shift
    moments = Moments(3)
    for part in np.split(rows, sorted(cuts)):
        moments.add(part)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.sd, rows.std(axis=0), rtol=1e-6)
    assert moments.count == 40


def test_files_of_any_format_are_described_and_absences_have_reasons(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 44_100)
    paths = [write_sound(tmp_path / f"a.{kind}", noise, 44_100) for kind in ("wav", "flac", "m4a")]
    paths.append(write_wav(tmp_path / "silent.wav", bytes(32_000)))
    paths.append(tmp_path / "nowhere.wav")
    result = describe(AudioStatistics(), [*paths, None])
    assert result.reasons == (None, None, None, "silent", "no such file", "none given")
    assert result.values.shape == (6, AudioStatistics().dim)
    np.testing.assert_allclose(result.values[0], result.values[1], atol=0.02)
    assert not result.values[~result.present].any()


def test_only_what_is_asked_for_is_heard(tmp_path: Path) -> None:
    sound = np.concatenate([tone(500.0, 1.0), tone(3000.0, 1.0), tone(6000.0, 1.0)])
    path = write_wav(tmp_path / "a.wav", pcm16(sound))
    values = AudioStatistics(offset=1.1, max_seconds=0.8).prepare(path)
    assert values[CENTROID] == pytest.approx(3 / 8, abs=0.01)
    assert values[CENTROID_SD] < 0.01


@pytest.mark.parametrize("options", [{"bands": 5}, {"bands": 500}, {"max_seconds": -1.0}, {"offset": -1.0}])
def test_impossible_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(FeatureError, match=next(iter(options))):
        AudioStatistics(**options)
