"""The front door: prosody of one recording, or of many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from affectzoo.errors import AffectZooError
from affectzoo.speech.prosody.activity import pauses
from affectzoo.speech.prosody.contour import CLASSES, Contour, classify
from affectzoo.speech.prosody.cycles import voice_quality
from affectzoo.speech.prosody.energy import level_dbfs
from affectzoo.speech.prosody.frames import FRAME_RATE, NAN, RATE, masked_mean, masked_quantile, masked_sd
from affectzoo.speech.prosody.rate import syllable_rates
from affectzoo.speech.prosody.spectrum import BANDS
from affectzoo.speech.prosody.tracks import ProsodyTracks, centred, clipped_share, follow, resample

#: The pitch is reliable with 25 voiced frames or more that make up 20 % of speech or more (EmotionThinker's pipeline).
RELIABLE_FRAMES, RELIABLE_SHARE = 25, 0.2
#: With fewer voiced frames, 0.1 s, nothing is said about the pitch: a few frames of noise may look voiced. Ours.
LEAST_FRAMES = 10
#: Recordings sampled at less have no band up to 5 kHz: their slope, alpha ratio and Hammarberg index are NaN. Ours.
MIN_BAND_RATE = 10000

#: Every measure: unit and meaning, in the order of tables (docs/prosody.md tells more).
MEASURES = {
    "duration_s": ("s", "length of the recording"),
    "speech_s": ("s", "speech activity"),
    "f0_median_hz": ("Hz", "median pitch of voiced speech frames"),
    "f0_mean_hz": ("Hz", "mean pitch"),
    "f0_p5_hz": ("Hz", "5th percentile of pitch"),
    "f0_p95_hz": ("Hz", "95th percentile of pitch"),
    "f0_range_st": ("semitones", "12 log2(P95 / P5)"),
    "f0_sd_st": ("semitones", "standard deviation of pitch in semitones"),
    "voiced_share": ("share", "voiced frames among speech frames"),
    "pitch_reliable": ("0 or 1", "25 voiced frames or more, and 20 % of speech or more"),
    "level_dbfs": ("dBFS", "RMS of speech frames"),
    "level_range_db": ("dB", "95th minus 5th percentile of the speech frames' levels"),
    "syllable_count": ("count", "syllable nuclei: voiced peaks of the vowel band's level"),
    "syllable_rate_hz": ("1/s", "syllable nuclei a second of speech"),
    "speaking_rate_hz": ("1/s", "syllable nuclei a second from first to last speech"),
    "pause_count": ("count", "silences of more than 0.3 s between speech"),
    "pause_mean_s": ("s", "mean length of pauses"),
    "pause_share": ("share", "pauses in the time from first to last speech"),
    "contour_change_st": ("semitones", "pitch of the last quarter of voiced frames minus the first"),
    "contour_range_st": ("semitones", "95th minus 5th percentile of the smoothed pitch"),
    "contour_turn_st": ("semitones", "height of the turning point; 0 without one"),
    "contour_confidence": ("0 to 1", "confidence in the contour class"),
    "jitter": ("share", "difference of neighbouring periods over the period"),
    "shimmer": ("share", "difference of neighbouring cycles' amplitudes over the amplitude"),
    "hnr_db": ("dB", "harmonics-to-noise ratio"),
    "spectral_slope_db_oct": ("dB/octave", "slope of the spectrum of voiced frames, 250 Hz to 5 kHz"),
    "alpha_ratio_db": ("dB", "1-5 kHz over 50 Hz-1 kHz in voiced frames"),
    "hammarberg_db": ("dB", "highest peak below 2 kHz over the highest in 2-5 kHz in voiced frames"),
    "clipped_share": ("share", "samples at full scale"),
}


@dataclass(frozen=True)
class ProsodyMeasures:
    """One recording: `values` (names and units in MEASURES; NaN where undefined), `contour`, and its `tracks` (T,)."""

    values: dict[str, float]
    contour: str
    tracks: ProsodyTracks

    def __getitem__(self, name: str) -> float:
        return self.values[name]


@dataclass(frozen=True)
class ProsodyBatch:
    """Many recordings: `values[name]` (B,), contours (B,), tracks (B, T)."""

    values: dict[str, torch.Tensor]
    contours: list[str]
    tracks: ProsodyTracks

    def __len__(self) -> int:
        return len(self.contours)

    def __getitem__(self, row: int) -> ProsodyMeasures:
        frames = int(self.tracks.mask[row].sum())
        tracks = ProsodyTracks(**{name: track[row, :frames] for name, track in vars(self.tracks).items()})
        return ProsodyMeasures({k: float(v[row]) for k, v in self.values.items()}, self.contours[row], tracks)


def measure(audio: np.ndarray, rate_hz: float, two_pass: bool = False) -> ProsodyMeasures:
    """Prosody of mono audio (N,) in [-1, 1] at any rate. Raises AffectZooError as `measure_batch` does."""
    return measure_batch([audio], rate_hz, two_pass)[0]


def measure_batch(
    audios: Sequence[np.ndarray], rate_hz: float | Sequence[float], two_pass: bool = False
) -> ProsodyBatch:
    """Prosody of mono recordings (N_i,), each at `rate_hz` or at its own rate of a sequence.

    Silence, noise and snippets have an answer: NaN where there is nothing to measure, pitch_reliable 0, contour
    too_short. two_pass: see `pitch`.
    Raises AffectZooError for what is not mono, empty, or not finite; the message says which recording and sample.
    """
    rates = [float(rate_hz)] * len(audios) if np.isscalar(rate_hz) else [float(r) for r in rate_hz]
    if not audios or len(rates) != len(audios):
        raise AffectZooError(f"need at least one recording and one rate each, got {len(audios)} and {len(rates)}")
    rows = [
        _prepare(a, r, f"recording {i}: " if len(audios) > 1 else "")
        for i, (a, r) in enumerate(zip(audios, rates, strict=True))
    ]
    lengths = torch.tensor([len(r) for r in rows])
    padded = torch.zeros(len(rows), int(lengths.max()))
    for row, samples in zip(padded, rows, strict=True):
        row[: len(samples)] = torch.from_numpy(samples)
    batch = measure_tensor(padded, lengths, two_pass)
    blank_bands(batch, rates)
    return batch


def measure_tensor(audio: torch.Tensor, lengths: torch.Tensor, two_pass: bool = False) -> ProsodyBatch:
    """Prosody of finite audio (B, N) float32 at 16 kHz; lengths (B,): samples of each row, the rest is not read."""
    audio, clipped = centred(audio, lengths), clipped_share(audio, lengths)
    tracks, bands = follow(audio, lengths, two_pass)
    return summarise(tracks, bands, lengths, voice_quality(audio, lengths, spoken_pitch(tracks)), clipped)


def spoken_pitch(tracks: ProsodyTracks) -> torch.Tensor:
    """(B, T) pitch in Hz of speech frames, NaN elsewhere."""
    return torch.where(tracks.speech, tracks.f0_hz, NAN)


def blank_bands(batch: ProsodyBatch, rates: Sequence[float]) -> None:
    """NaN for the measures of bands that recordings of these rates (B,) in Hz do not have."""
    narrow = torch.tensor([r < MIN_BAND_RATE for r in rates])
    for name in BANDS[:3]:
        batch.values[name] = batch.values[name].masked_fill(narrow, NAN)


def summarise(
    tracks: ProsodyTracks,
    bands: dict[str, torch.Tensor],
    lengths: torch.Tensor,
    quality: dict[str, torch.Tensor],
    clipped: torch.Tensor,
) -> ProsodyBatch:
    """Every measure from tracks and bands (B, T), samples (B,), `voice_quality` and `clipped_share` (B,)."""
    speech, level = tracks.speech, tracks.level_db
    spoken = spoken_pitch(tracks)
    voiced = spoken.isfinite()
    rests = pauses(speech)
    contour = classify(spoken, rests["pause_count"])
    values = {
        "duration_s": lengths / RATE,
        "speech_s": torch.minimum(speech.sum(1) / FRAME_RATE, lengths / RATE),  # frames overhang by half a hop
        **_pitch_values(spoken, voiced, speech),
        "level_dbfs": level_dbfs(level, speech),
        "level_range_db": masked_quantile(level, speech, 0.95) - masked_quantile(level, speech, 0.05),
        **syllable_rates(tracks.nucleus, speech),
        **rests,
        **_contour_values(contour),
        **quality,
        **{name: masked_mean(bands[name], voiced) for name in BANDS[:3]},
        "clipped_share": clipped,
    }
    return ProsodyBatch(values, [CLASSES[k] for k in contour.kind.tolist()], tracks)


def _prepare(audio: np.ndarray, rate_hz: float, where: str) -> np.ndarray:
    audio = np.ascontiguousarray(audio, dtype=np.float32)
    if audio.ndim != 1:
        raise AffectZooError(f"{where}audio must be mono, shape (N,); got {audio.shape}")
    if not rate_hz > 0:
        raise AffectZooError(f"{where}the rate must be positive, got {rate_hz!r}")
    bad = np.flatnonzero(~np.isfinite(audio))
    if len(bad):
        raise AffectZooError(f"{where}audio is not finite: sample {bad[0]} is {audio[bad[0]]}")
    audio = resample(audio, rate_hz)
    if not len(audio):
        raise AffectZooError(f"{where}audio holds no samples")
    return audio


def _pitch_values(f0: torch.Tensor, voiced: torch.Tensor, speech: torch.Tensor) -> dict[str, torch.Tensor]:
    count, spoken = voiced.sum(1), speech.sum(1)
    low, high = masked_quantile(f0, voiced, 0.05), masked_quantile(f0, voiced, 0.95)
    reliable = (count >= RELIABLE_FRAMES) & (count >= RELIABLE_SHARE * spoken)
    pitch = {
        "f0_median_hz": masked_quantile(f0, voiced, 0.5),
        "f0_mean_hz": masked_mean(f0, voiced),
        "f0_p5_hz": low,
        "f0_p95_hz": high,
        "f0_range_st": 12 * (high / low).log2(),
        "f0_sd_st": masked_sd(12 * f0.log2(), voiced),
    }
    return {
        **{name: torch.where(count >= LEAST_FRAMES, value, NAN) for name, value in pitch.items()},
        "voiced_share": torch.where(spoken > 0, count / spoken, NAN),
        "pitch_reliable": reliable.float(),
    }


def _contour_values(contour: Contour) -> dict[str, torch.Tensor]:
    return {
        "contour_change_st": contour.change_st,
        "contour_range_st": contour.range_st,
        "contour_turn_st": contour.turn_st,
        "contour_confidence": contour.confidence,
    }
