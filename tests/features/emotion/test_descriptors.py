"""Descriptors of sounds whose tempo, key, loudness and brightness are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.features.emotion.descriptors import DESCRIPTORS, describe_sound, pulse_clarity
from hetmusic.features.emotion.tonality import MAJOR, MINOR, tonality
from hetmusic.features.extractor import Absent
from tests.features.emotion.sounds import RATE, cadence, clicks, sine


def described(sound):
    return dict(zip(DESCRIPTORS, describe_sound(sound), strict=True))


@pytest.mark.parametrize("tonic", range(12))
def test_a_key_is_found_by_its_own_profile(tonic):
    major, minor = tonality(np.roll(MAJOR, tonic)), tonality(np.roll(MINOR, tonic))
    assert (major.tonic, minor.tonic) == (tonic, tonic)
    assert major.clarity == pytest.approx(1) == minor.clarity
    assert major.mode > 0.2
    assert minor.mode < -0.2


def test_mode_is_the_difference_of_the_two_best_correlations():
    chroma = np.array([1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0.2])  # C, E, G and a little B
    fits = {
        profile: max(np.corrcoef(np.roll(profile, k), chroma)[0, 1] for k in range(12))
        for profile in (MAJOR, MINOR)
    }
    found = tonality(chroma)
    assert found.tonic == 0
    assert found.mode == pytest.approx(fits[MAJOR] - fits[MINOR])
    assert found.clarity == pytest.approx(fits[MAJOR])


def test_pitch_classes_that_are_all_alike_have_no_key():
    assert tonality(np.full(12, 0.3)) == (0, 0.0, 0.0)


@pytest.mark.parametrize("tonic", [57, 60, 62, 66, 67])
def test_cadences_are_heard_as_major_and_minor(tonic):
    major, minor = described(cadence(tonic, minor=False)), described(cadence(tonic, minor=True))
    assert minor["mode"] < 0 < major["mode"]
    # the chroma begins at the tonic: tonic and fifth are strong, the step between them is not
    assert min(major["chroma_0"], major["chroma_7"]) > 2.5 * major["chroma_6"]
    assert sum(major[f"chroma_{step}"] for step in range(12)) == pytest.approx(1)


@pytest.mark.parametrize("beats", [80, 100, 125])
def test_tempo_of_clicks(beats):
    found = described(clicks(beats))
    assert found["tempo"] == pytest.approx(np.log2(beats / 120), abs=0.1)
    assert found["pulse_clarity"] > 0.7


def test_loudness_is_in_decibels_of_full_scale():
    loud, soft = described(sine(1000)), described(sine(1000, amplitude=0.5))
    assert loud["loudness_mean"] == pytest.approx(-3.01, abs=0.1)  # mean square of a sine: 1/2
    assert soft["loudness_mean"] - loud["loudness_mean"] == pytest.approx(-6.02, abs=0.01)


def test_brightness_is_in_octaves_above_1_kilohertz():
    low, high = described(sine(500)), described(sine(2000))
    assert low["centroid_mean"] == pytest.approx(-1, abs=0.05)
    assert high["centroid_mean"] == pytest.approx(1, abs=0.05)
    assert high["crossings_mean"] == pytest.approx(2 * 2000 / RATE, abs=0.002)


def test_noise_is_flat_and_a_tone_is_not():
    noise = described(0.1 * np.random.default_rng(0).standard_normal(RATE))
    assert noise["flatness_mean"] > -1 > described(sine(440))["flatness_mean"]
    assert noise["chroma_entropy"] > 0.99 > 0.9 > described(sine(440))["chroma_entropy"]


def test_quiet_share_counts_the_quieter_frames():
    # a quarter loud, three quarters soft
    sound = np.concatenate([sine(440, 2), sine(440, 6, 0.01)])
    found = described(sound)
    assert found["quiet_share"] == pytest.approx(0.75, abs=0.02)
    assert found["loudness_range"] == pytest.approx(40, abs=0.5)


def test_pulse_clarity_of_a_known_series():
    # a pulse every 10 values: at lag 10, 9 of the 10 products are there
    series = np.zeros(100)
    series[::10] = 1
    centred = series - 0.1
    expected = max((centred[lag:] * centred[:-lag]).sum() for lag in range(8, 64)) / (centred**2).sum()
    assert pulse_clarity(series, 0.032) == pytest.approx(expected)
    assert pulse_clarity(np.ones(100)) == 0
    assert pulse_clarity(np.arange(5.0)) == 0  # shorter than the shortest lag


@pytest.mark.parametrize(
    ("sound", "reason"),
    [(np.zeros(RATE), "silent"), (np.ones(100), "too short"), (1e-6 * sine(440), "silent")],
)
def test_what_cannot_be_heard_is_absent(sound, reason):
    with pytest.raises(Absent, match=reason):
        describe_sound(sound)


@given(
    seed=st.integers(0, 1000),
    samples=st.integers(RATE // 4, RATE),
    gain=st.sampled_from([0.01, 0.3, 1.0]),
    kind=st.sampled_from(["noise", "constant", "impulse", "square"]),
)
@settings(max_examples=25, deadline=None)
def test_every_sound_gets_finite_numbers(seed, samples, gain, kind):
    rng = np.random.default_rng(seed)
    sound = {
        "noise": rng.uniform(-1, 1, samples),
        "constant": np.ones(samples),
        "impulse": (np.arange(samples) == samples // 2).astype(float),
        "square": np.sign(np.sin(np.arange(samples) * rng.uniform(0.01, 3))),
    }[kind]
    try:
        vector = describe_sound(gain * sound)
    except Absent as absence:
        assert (kind, str(absence)) == ("impulse", "silent")  # noqa: PT017
        return
    assert vector.shape == (len(DESCRIPTORS),)
    assert np.isfinite(vector).all()
