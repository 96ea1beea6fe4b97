"""Features by each speaker's own statistics: what they are, whose they are, and where they are refused."""

from dataclasses import replace

import numpy as np
import pytest
from datakit import Model, dataset
from test_forms import Shift

from affectzoo.data.datamodule import AffectDataModule
from affectzoo.data.standardise import group_statistics, standardised
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal


class Columns(Model):
    """Prepares two columns: the signal scaled and moved by its speaker, and a constant."""

    def prepare(self, sample):
        loaded = sample.load(self.modalities)
        number = 1 + int(sample.groups["speaker"][1:])
        x = loaded.signals["audio"].data
        signal = Signal(np.stack([x * number + 10 * number, np.full_like(x, 7)], 1), 100.0)
        return AffectSample(sample.key, {"audio": signal}, sample.targets, sample.groups, sample.attributes)


def module(**kw):
    return AffectDataModule(dataset(), batch_size=4, cache=False, **kw).attach(Columns())


def frames(data, part, speaker):
    return np.concatenate([s.signals["audio"].data for s in data.samples(part) if s.groups["speaker"] == speaker])


def test_every_speaker_has_mean_0_and_deviation_1_in_every_part():
    data = module(standardise="speaker")
    data.setup()
    for part in ("train", "val", "test"):
        for speaker in {s.groups["speaker"] for s in data.samples(part)}:
            x = frames(data, part, speaker)
            np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
            np.testing.assert_allclose(x.std(0), [1, 0], atol=1e-5)  # a constant column says nothing
    plain = module()
    plain.setup()
    speaker = plain.samples("test")[0].groups["speaker"]
    x = frames(plain, "test", speaker)[:, 0]
    np.testing.assert_allclose(frames(data, "test", speaker)[:, 0], (x - x.mean()) / x.std(), atol=1e-4)


def test_invalid_steps_have_no_part_in_the_statistics():
    (sample,) = dataset(1).samples
    x = np.array([[1.0], [3.0], [1000.0]], np.float32)
    sample = replace(sample, signals={"audio": Signal(x, 100.0, mask=np.array([True, True, False]))})
    found = group_statistics([sample], "speaker")
    assert found["s0", "audio"] == (pytest.approx([2.0]), pytest.approx([1.0]))
    np.testing.assert_allclose(standardised(sample, "speaker", found).signals["audio"].data[:2, 0], [-1, 1])


def test_perturbed_forms_take_their_speakers_statistics_once():
    class Moved(Shift):
        """Refuses one length, so that the item itself stands in."""

    lengths = [len(s.signals["audio"].data) for s in dataset().samples]
    data = module(standardise="speaker", perturb=Moved(copies=1, broken=(lengths[0],)))
    with pytest.warns(UserWarning, match="the item itself is used"):
        loader = data.train_dataloader()
    own = {s.key: s.signals["audio"].data for s in data.samples("train")}
    forms = {s.key: s.signals["audio"].data for s in loader.dataset.samples[len(own) :]}
    moved = 0
    for key, x in own.items():
        if len(x) == lengths[0]:
            np.testing.assert_array_equal(forms[key], x)
        else:
            assert (forms[key][:, 0] - x[:, 0] > 100).all()  # 1000 and more before, in deviations of the speaker
            np.testing.assert_allclose(forms[key][:, 1], 0)
            moved += 1
    assert moved


def test_what_cannot_be_standardised_is_refused():
    with pytest.raises(
        AffectZooError, match="standardise=sex: the parts must keep that group apart; they keep speaker"
    ):
        module(standardise="sex").setup()
    with pytest.raises(AffectZooError, match="k000: only features"):
        group_statistics(dataset(1).samples, "speaker")
    with pytest.raises(UnknownNameError, match="group to standardise by 'speker'. Did you mean 'speaker'"):
        group_statistics(dataset(1).samples, "speker")
