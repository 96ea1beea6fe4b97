"""An ensemble: merged logits are the members' mean, its runs train them one by one and go on where they stopped."""

import json
import subprocess
import sys

import pytest
import torch
from test_runs import ROOT, SMALL

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.speech.synthetic import generate
from affectzoo.structures.table import PredictionTable
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.pretrained import load_artefact

SPACE = load_space("ekman7+vad")
TINY = {"width": 4}
RUN = [
    "data.split=null",
    "model=speech/logmel_ensemble",
    "model.members=2",
    "+model.options.width=4",
    "trainer.max_epochs=1",
]


def train(run_dir):
    words = [sys.executable, str(ROOT / "train.py"), *(w for w in SMALL if w != "model.width=4"), *RUN]
    done = subprocess.run(
        [*words, f"run_dir={run_dir}"], capture_output=True, text=True, cwd=run_dir.parent, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def members(n=3):
    out = []
    for seed in range(n):
        torch.manual_seed(seed)
        out.append(create_model("speech/logmel_cnn", SPACE, **TINY).eval())
    return out


def test_merged_logits_are_the_mean_of_the_members():
    models = members()
    ensemble = create_model("speech/logmel_ensemble", SPACE, members=3, options=TINY).merge(models).eval()
    batch = collate([models[0].prepare(s) for s in generate(3, seconds=0.6)], SPACE)
    with torch.no_grad():
        single, merged = [m(batch) for m in models], ensemble(batch)
    mean = torch.stack([p.emotion.values for p in single]).mean(0)
    torch.testing.assert_close(merged.emotion.values, mean, atol=1e-5, rtol=0)
    before = torch.stack([torch.atanh(p.vad.values) for p in single]).mean(0)
    torch.testing.assert_close(torch.atanh(merged.vad.values), before, atol=1e-4, rtol=0)


def test_what_cannot_be_merged():
    ensemble = create_model("speech/logmel_ensemble", SPACE, members=3, options=TINY)
    with pytest.raises(AffectZooError, match="takes 3 models speech/logmel_cnn"):
        ensemble.merge(members(2))
    with pytest.raises(AffectZooError, match="at least 2"):
        create_model("speech/logmel_ensemble", SPACE, members=1)
    with pytest.raises(AffectZooError, match="unknown option 'widht'"):
        create_model("speech/logmel_ensemble", SPACE, options={"widht": 4})


def test_a_run_trains_its_members_with_their_seeds_and_resumes_between_them(tmp_path):
    run = tmp_path / "run"
    train(run)
    folders = sorted(run.glob("member_*/speech.logmel_cnn.*"))
    assert [json.loads((f / "config.json").read_text())["training"]["seeds"] for f in folders] == [[0], [1]]
    (merged,) = run.glob("speech.logmel_ensemble.*")
    assert json.loads((merged / "config.json").read_text())["training"]["seeds"] == [0, 1]
    assert json.loads((run / "record.json").read_text())["seeds"] == [0, 1]
    parts = [json.loads((f / "config.json").read_text())["training_keys_sha256"] for f in (*folders, merged)]
    assert len({*parts}) == 1  # one split for all, also where it is drawn
    first = PredictionTable.read(run / "predictions.parquet")
    model, _ = load_artefact(merged)
    states = [load_artefact(f)[0].state_dict() for f in folders]
    for i, state in enumerate(states):
        own = model.encoders[i].state_dict()
        assert all(torch.equal(own[k], state[k]) for k in own)
    assert not torch.equal(states[0]["pool.score.0.weight"], states[1]["pool.score.0.weight"])
    (run / "member_1" / "predictions.parquet").unlink()  # as if it had been stopped there
    said = train(run)
    assert "member 2 of 2" in said and "member 1 of 2" not in said
    again = PredictionTable.read(run / "predictions.parquet")
    assert (again.values("emotion") == first.values("emotion")).all()
