"""Doubtful recordings are told, on both sides of every threshold; clean ones are not."""

import numpy as np
import pytest
import soundfile
import soxr
from prosodykit import RATE, tone, train, whisper, white
from scipy.signal import butter, sosfilt

from affectzoo.speech import quality
from affectzoo.speech.quality import WARNINGS, audio_warnings
from affectzoo.speech.synthetic import generate
from affectzoo.structures.signal import Signal


def codes(audio, rate=RATE):
    return audio_warnings(Signal(np.asarray(audio, np.float32), float(rate)))


def voices(n=6):
    """Synthetic voices with a little breath above 4 kHz."""
    return [
        s.signals["audio"].data + white(3, i, 1e-3)[: len(s.signals["audio"].data)] for i, s in enumerate(generate(n))
    ]


def telephone(audio):
    band = sosfilt(butter(6, (300, 3400), "band", fs=RATE, output="sos"), audio)
    return soxr.resample(band, RATE, 8000)


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
def test_clean_voices_at_any_rate_and_gain(rate):
    for voice in voices():
        sound = soxr.resample(voice, RATE, rate) if rate != RATE else voice
        assert codes(sound, rate) == codes(1e-3 * sound, rate) == codes(sound / np.abs(sound).max(), rate) == ()


def test_every_code_is_explained_and_given():
    voice = voices(1)[0]
    found = {
        "short": codes(voice[: int(0.3 * RATE)]),
        "clipped": codes(np.clip(voice, *(np.array([-0.3, 0.3]) * np.abs(voice).max()))),
        "narrowband": codes(telephone(voice), 8000),
        "no_voicing": codes(white(1.0)),
    }
    assert {code: (code,) for code in WARNINGS} == found


def test_short_is_about_sound_not_about_the_file():
    voice = np.tile(voices(1)[0], 3)
    assert "short" in codes(voice[: int(0.49 * RATE)]) and "short" not in codes(voice[: int(0.55 * RATE)])
    quiet = white(3.0, level=1e-5)
    quiet[RATE : RATE + int(0.3 * RATE)] += voice[: int(0.3 * RATE)]
    assert "short" in codes(quiet)
    quiet[RATE : RATE + int(0.7 * RATE)] += voice[: int(0.7 * RATE)]
    assert "short" not in codes(quiet)


@pytest.mark.parametrize("seconds", [0.0001, 0.004, 0.05, 0.1])
def test_snippets_are_short_and_no_more(seconds):
    assert codes(tone(200.0, 0.2)[1 : 1 + max(1, int(seconds * RATE))])[:1] == ("short",)
    assert codes(voices(1)[0][8000 : 8000 + max(1, int(seconds * RATE))]) in (("short",), ("short", "narrowband"))


def test_silence_has_no_code():
    assert codes(np.zeros(RATE)) == () and codes(np.zeros(10)) == ()


def test_clipping_needs_flat_tops():
    voice = white(2.0, 3, 0.05)
    voice[5000:5020] = voice[9000:9030].max() * 10
    assert "clipped" not in codes(voice)  # 20 of 32000 samples
    voice[5020:5040] = voice[5000]
    assert "clipped" in codes(voice)  # 40
    assert "clipped" not in codes(tone(200.0, 2.0)) and "clipped" in codes(np.clip(tone(200.0, 2.0), -0.2, 0.2))


def test_clipping_survives_resampling_and_a_lower_gain():
    voice = np.concatenate(voices())
    for rate in (44100, 48000):
        loud = soxr.resample(voice, RATE, rate)
        for gain in (2, 5):
            cut = np.clip(gain * loud / np.abs(loud).max(), -1, 1)
            assert "clipped" in codes(cut, rate) and "clipped" in codes(0.3 * cut, rate)
            assert "clipped" in codes(soxr.resample(cut, rate, RATE))
        assert "clipped" not in codes(soxr.resample(loud / np.abs(loud).max(), rate, RATE))


@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_telephone_at_a_higher_rate(rate):
    for voice in voices():
        assert "narrowband" in codes(soxr.resample(telephone(voice), 8000, rate), rate)


def test_narrowband_starts_at_45_db():
    voice = telephone(np.concatenate(voices()))
    voice = soxr.resample(voice, 8000, RATE)
    high = sosfilt(butter(8, 4200, "high", fs=RATE, output="sos"), white(len(voice) / RATE))
    low_power = np.mean(np.square(voice)) / 3000
    for db, told in ((-55, True), (-35, False)):
        gain = np.sqrt(low_power * 10 ** (db / 10) * 3800 / np.mean(np.square(high)))
        assert ("narrowband" in codes(voice + gain * high)) == told, db


def test_whispers_have_no_voice():
    for seed in range(8):
        assert "no_voicing" in codes(whisper(2.0, seed))
    half = np.concatenate([whisper(1.5), 0.1 * train(150.0, 0.5)])
    assert "no_voicing" not in codes(half)


def test_the_share_of_voice_decides():
    """A twelfth of the loud frames is not enough, a fifth is."""
    for share, told in ((0.05, True), (0.25, False)):
        sound = np.concatenate([white(4.0 * (1 - share)), 0.25 * train(150.0, 4.0 * share)])
        assert ("no_voicing" in codes(sound)) == told, share


def test_it_takes_a_millisecond_or_so():
    """Beside the log-mel features that every file passes; about half of their time on a quiet machine."""
    import time

    from affectzoo.speech.features import LogMel

    signal, mel = Signal(np.concatenate(voices())[: 3 * RATE], float(RATE)), LogMel()

    def best(call):
        call(signal)
        spent = []
        for _ in range(20):
            start = time.perf_counter()
            call(signal)
            spent.append(time.perf_counter() - start)
        return min(spent)

    assert best(audio_warnings) < 1.5 * best(mel)


@pytest.mark.data
@pytest.mark.parametrize("corpus", ["emodb", "ravdess_speech", "nemo_subset"])
def test_no_false_alarm_on_clean_recordings(data_root, corpus):
    files = sorted((data_root / corpus / "wav").rglob("*.flac"))
    for path in files[:: len(files) // 40]:
        audio, rate = soundfile.read(path, dtype="float32")
        assert codes(audio, rate) == (), path
        cut = np.abs(audio).max() / 4
        assert "clipped" in codes(np.clip(audio, -cut, cut), rate), path
        assert "narrowband" in codes(soxr.resample(telephone(audio), 8000, rate), rate), path


def test_thresholds_are_where_the_page_says():
    assert (quality.SHORT_S, quality.CLIPPED_SHARE, quality.NARROWBAND_DB, quality.VOICED_SHARE) == (
        0.5,
        1e-3,
        -45,
        0.12,
    )
