"""Sounds: what is like speech and like a piano, drawn from a seed, and mel spectrograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Samples = NDArray[np.float32]

VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (660, 1720, 2410),
)
"""The first three formants in Hz of /a i u e o ae/ (Peterson and Barney, 1952, men)."""

BANDWIDTHS = (90, 110, 170)
"""Of the formants, in Hz."""


def speech(seed: int, seconds: float, rate: int) -> Samples:
    """Return mono samples within +-0.5: syllables of a voice, with pauses.

    Pulses of a falling pitch, or noise for a consonant, pass the formants of a vowel.
    """
    rng = np.random.default_rng(seed)
    sound, pitch = [silence(rng, 0.1, rate)], rng.uniform(95, 220)
    while sum(map(len, sound)) < seconds * rate:
        formants = VOWELS[rng.integers(len(VOWELS))]
        sound.append(_consonant(rng, rate))
        sound.append(_vowel(rng, formants, pitch * rng.uniform(0.85, 1.2), rate))
        if rng.random() < 0.2:
            sound.append(silence(rng, rng.uniform(0.1, 0.4), rate))
    whole = np.concatenate(sound)[: round(seconds * rate)]
    noisy = whole + rng.normal(scale=1e-3, size=len(whole))
    scaled: Samples = (0.5 * noisy / np.abs(noisy).max()).astype(np.float32)
    return scaled


def silence(rng: np.random.Generator, seconds: float, rate: int) -> NDArray[np.float64]:
    """Return the faint noise of a room."""
    return rng.normal(scale=1e-3, size=round(seconds * rate))


def _vowel(
    rng: np.random.Generator, formants: tuple[int, ...], pitch: float, rate: int
) -> NDArray[np.float64]:
    count = round(rng.uniform(0.08, 0.22) * rate)
    falling = pitch * np.linspace(1.05, 0.92, count) * (1 + 0.01 * rng.normal(size=count))
    phase = np.cumsum(falling / rate)
    pulses = np.diff(np.floor(phase), prepend=0.0)
    voice = lfilter([1.0], [1.0, -0.97], pulses)  # the glottis loses 12 dB an octave
    for frequency, bandwidth in zip(formants, BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / rate)
        poles = [1.0, -2 * radius * np.cos(2 * np.pi * frequency / rate), radius**2]
        voice = lfilter([sum(poles)], poles, voice)
    return voice * np.hanning(count) / max(np.abs(voice).max(), 1e-9)


def _consonant(rng: np.random.Generator, rate: int) -> NDArray[np.float64]:
    count = round(rng.uniform(0.02, 0.09) * rate)
    hiss = lfilter([1.0, -rng.uniform(0.3, 0.95)], [1.0], rng.normal(size=count))
    return 0.15 * hiss * np.hanning(count)


def melody(seed: int, seconds: float, rate: int) -> Samples:
    """Return mono samples within +-0.5: struck strings, one to three at once, 82 to 1,319 Hz."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(time))
    start = 0.0
    while start < seconds:
        for key in rng.choice(np.arange(40, 89), rng.integers(1, 4), replace=False):
            pitch = 440 * 2 ** ((key - 69) / 12)
            since = np.clip(time - start, 0, None)
            for harmonic in range(1, 9):
                if harmonic * pitch < rate / 2:
                    decay = np.exp(-since * (2 + harmonic)) * (since > 0)
                    sound += decay * np.sin(2 * np.pi * harmonic * pitch * since) / harmonic**1.3
        start += rng.uniform(0.15, 0.5)
    scaled: Samples = (0.5 * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


def mel_spectrogram(sound: Samples, rate: int, window: int, step: int, bands: int) -> Samples:
    """Return the power in mel bands, (frames, bands).

    The scale is linear up to 1 kHz and logarithmic above, and every band has the same area
    (Slaney, Auditory Toolbox, 1998), as in librosa.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, window // 2), window)[::step]
    power = np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1])) ** 2
    top = 15 + 27 * np.log(rate / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    filters = np.clip(np.minimum(rising, falling), 0, None) * 2 / (high - low)
    bands_of_frames: Samples = (power @ filters.T).astype(np.float32)
    return bands_of_frames
