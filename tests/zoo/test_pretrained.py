import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from toykit import KEYS, LICENCES, TRAINING, save, toy_batch, toy_model

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.structures.record import BenchmarkRef, EvalRecord, ModelRef, Score
from affectzoo.zoo import pretrained
from affectzoo.zoo.config import check_sha256, file_sha256, read_config
from affectzoo.zoo.pretrained import load_artefact, save_artefact


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def rewrite(folder, name, change, metadata):
    """Change the tensors of a file, and its hash with them."""
    tensors = load_file(folder / name)
    change(tensors)
    save_file(tensors, folder / name, metadata)
    field = {"model.safetensors": "weights_sha256", "golden.safetensors": "golden_sha256"}[name]
    edit_config(folder, **{field: file_sha256(folder / name)})


def rewrite_weights(folder, change):
    rewrite(folder, "model.safetensors", change, {"label_space_hash": read_config(folder).space.hash})


def rewrite_golden(folder, change):
    rewrite(folder, "golden.safetensors", change, {"rates_hz": json.dumps({"pulse": 2.0})})


@pytest.mark.parametrize("arch", ["toy/mean", "toy/steps"])
def test_what_is_saved_comes_back(toy, tmp_path, arch):
    model = toy_model(arch)
    folder = save(model, tmp_path / "out", tag="x-1", calibration={"emotion": 1.5}, notes="for the tests")
    assert folder.name == f"{arch.replace('/', '.')}.x-1"
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "golden.safetensors",
        "model.safetensors",
        "training_keys.txt",
    ]
    assert [p.name for p in (tmp_path / "out").iterdir()] == [folder.name]
    back, config = load_artefact(folder)
    assert config.name == f"{arch}.x-1" and config.training_keys == tuple(sorted(KEYS))
    assert config.calibration == {"emotion": 1.5} and back.options == model.options and not back.training
    assert config.transforms == {"pulse": {"transform": "Blocks", "version": 1, "size": 4}}
    batch = toy_batch(model, (40, 9), seed=3)
    for name, f in model.eval()(batch).fields.items():
        assert torch.equal(f.values, back(batch).fields[name].values)


def test_a_name_finds_the_shipped_folder_even_beside_a_folder_of_that_name(shipped, tmp_path, monkeypatch):
    folder = shipped()
    (tmp_path / "toy" / "mean.first").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert pretrained.find_folder("toy/mean.first") == folder.resolve()
    assert pretrained.find_folder("./toy/mean.first").name == "mean.first"
    with pytest.raises(FileError, match="config.json: no such file"):
        load_artefact("./toy/mean.first")
    with pytest.raises(UnknownNameError, match="'toy/mean.first'"):
        load_artefact("toy/mean.frist")
    with pytest.raises(FileError, match="no such checkpoint folder"):
        load_artefact(tmp_path / "nowhere")


def test_saving_again_replaces_and_a_failed_save_leaves_the_old_one(toy, tmp_path):
    model = toy_model()
    folder = save(model, tmp_path)
    with torch.no_grad():
        model.encode[0].weight += 1
    assert save(model, tmp_path) == folder
    assert torch.equal(load_artefact(folder)[0].encode[0].weight, model.encode[0].weight)
    with torch.no_grad():
        model.encode[0].bias[0] = float("nan")
    with pytest.raises(AffectZooError, match="not finite.*encode.0.bias"):
        save(model, tmp_path)
    load_artefact(folder)
    assert not list(tmp_path.glob(".saving*"))


def test_half_precision_is_smaller_and_golden_after_rounding(toy, tmp_path):
    model = toy_model(dim=64)
    full, half = save(model, tmp_path, tag="f32"), save(model, tmp_path, tag="f16", dtype="float16")
    assert (half / "model.safetensors").stat().st_size < 0.7 * (full / "model.safetensors").stat().st_size
    assert load_file(half / "model.safetensors")["encode.0.weight"].dtype == torch.float16
    back, _ = load_artefact(half)
    weight = model.encode[0].weight
    assert back.encode[0].weight.dtype == torch.float32
    assert torch.equal(back.encode[0].weight, weight.half().float()) and not torch.equal(back.encode[0].weight, weight)
    golden = load_file(half / "golden.safetensors")["output.emotion"]
    assert torch.equal(golden, back(toy_batch(model)).emotion.values)
    with torch.no_grad():
        weight[0, 0] = 1e6
    with pytest.raises(AffectZooError, match="not finite"):
        save(model, tmp_path, tag="f16", dtype="float16")
    with pytest.raises(UnknownNameError, match="'float16'"):
        save(model, tmp_path, dtype="float6")


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-20])


def truncate_with_hash(folder):
    truncate(folder)
    edit_config(folder, weights_sha256=file_sha256(folder / "model.safetensors"))


def offer_pickle(folder):
    (folder / "model.safetensors").write_bytes(pickle.dumps({"encode.0.weight": [1.0]}))
    edit_config(folder, weights_sha256=file_sha256(folder / "model.safetensors"))


def rename_tensor(folder):
    rewrite_weights(folder, lambda t: t.update(encode_0_weight=t.pop("encode.0.weight")))


def remove_tensor(folder):
    rewrite_weights(folder, lambda t: t.pop("heads.linear.emotion.bias"))


def reshape_tensor(folder):
    rewrite_weights(folder, lambda t: t.update({"encode.0.bias": torch.zeros(7)}))


def nudge_weight(folder):
    rewrite_weights(folder, lambda t: t["encode.0.weight"].mul_(1.01))


def drop_golden_input(folder):
    rewrite_golden(folder, lambda t: t.pop("input.pulse.mask"))


def drop_golden_field(folder):
    rewrite_golden(folder, lambda t: t.pop("output.vad"))


def drop_golden_outputs(folder):
    rewrite_golden(folder, lambda t: [t.pop(n) for n in list(t) if n.startswith("output")])


def swap_labels(folder, keep_hash=True):
    space = read_config(folder).label_space
    c = space["categories"]
    c[0], c[1] = c[1], c[0]
    from affectzoo.labels.space import LabelSpace

    if not keep_hash:
        space["hash"] = LabelSpace.from_dict({k: v for k, v in space.items() if k != "hash"}).hash
    edit_config(folder, label_space=space)


def no_hash(folder):
    edit_config(folder, label_space={k: v for k, v in read_config(folder).label_space.items() if k != "hash"})


def edit_keys(folder):
    (folder / "training_keys.txt").write_text("0" * 16 + "\n")


def without(name):
    return lambda folder: (folder / name).unlink()


def edited(**changes):
    return lambda folder: edit_config(folder, **changes)


CASES = {
    "truncated": (truncate, "model.safetensors: sha256 is"),
    "truncated, hash adapted": (truncate_with_hash, "model.safetensors: is not a readable safetensors"),
    "pickle": (offer_pickle, "model.safetensors: is not a readable safetensors"),
    "wrong hash": (edited(weights_sha256="0" * 64), "model.safetensors: sha256 is .* expected 0000"),
    "wrong golden hash": (edited(golden_sha256="0" * 64), "golden.safetensors: sha256"),
    "renamed tensor": (rename_tensor, "missing: encode.0.weight; unexpected: encode_0_weight"),
    "removed tensor": (remove_tensor, "missing: heads.linear.emotion.bias"),
    "reshaped tensor": (reshape_tensor, r"encode.0.bias has shape \(7,\), the model \(5,\)"),
    "nudged weight": (nudge_weight, "golden.safetensors: golden output '.*' is not reproduced"),
    "edited label space": (swap_labels, "config.json: .*hash .* does not match its contents"),
    "edited label space and hash": (
        lambda f: swap_labels(f, keep_hash=False),
        "not the one that the weights were saved",
    ),
    "label space without hash": (no_hash, "config.json: .*no hash"),
    "newer schema": (edited(schema_version=2), "schema 2 is not known here"),
    "no schema": (edited(schema_version=None), "schema None"),
    "odd key": (edited(licence="MIT"), "config.json: unknown key 'licence'.*'licences'"),
    "empty licence": (
        edited(licences={"code": "MIT", "weights": " ", "data": "x"}),
        "config.json: licences: weights",
    ),
    "two licences": (edited(licences={"code": "MIT", "weights": "x"}), "missing key.*'data'"),
    "unknown model": (edited(arch="toy/meen"), "config.json: unknown model 'toy/meen'.*'toy/mean'"),
    "unknown option": (edited(options={"dims": 5}), "config.json: toy/mean: unknown option 'dims'"),
    "other transform": (
        edited(transforms={"pulse": {"transform": "Blocks", "version": 0, "size": 4}}),
        "transforms are",
    ),
    "bad temperature": (edited(calibration={"emotion": 0.0}), "calibration of 'emotion'"),
    "temperature of nothing": (edited(calibration={"state": 1.0}), "calibration of 'state'"),
    "golden input gone": (drop_golden_input, "golden.safetensors: lacks a golden input"),
    "golden field gone": (drop_golden_field, "golden outputs are emotion"),
    "golden outputs gone": (drop_golden_outputs, "holds no golden outputs"),
    "edited keys": (edit_keys, "training_keys.txt: sha256"),
    "no weights": (without("model.safetensors"), "model.safetensors: no such file"),
    "no golden": (without("golden.safetensors"), "golden.safetensors: no such file"),
    "no config": (without("config.json"), "config.json: no such file"),
    "no keys": (without("training_keys.txt"), "training_keys.txt: no such file"),
    "config is a list": (
        lambda f: (f / "config.json").write_text("[]"),
        "config.json: checkpoint schema None",
    ),
    "config is not JSON": (lambda f: (f / "config.json").write_text("{"), "config.json: is not valid JSON"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_checkpoint_is_refused_and_the_fault_named(toy, tmp_path, case):
    damage, message = CASES[case]
    folder = save(toy_model(), tmp_path)
    damage(folder)
    with pytest.raises(FileError, match=message) as e:
        load_artefact(folder)
    assert str(folder) in str(e.value)


def test_without_check_only_the_golden_run_is_left_out(toy, tmp_path):
    folder = save(toy_model(), tmp_path)
    nudge_weight(folder)
    load_artefact(folder, check=False)
    remove_tensor(folder)
    with pytest.raises(FileError, match="missing"):
        load_artefact(folder, check=False)


def test_a_pickle_file_is_never_opened(toy, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(FileError, match="never a pickle"):
        load_artefact(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licences": {**LICENCES, "data": ""}}, "licences: data"),
        ({"tag": "a.b"}, "tag 'a.b'"),
        ({"tag": "../x"}, "tag"),
        ({"training_keys": ["anger_01.wav"]}, "16 hex digits"),
        ({"calibration": {"emotion": -1.0}}, "temperature"),
        ({"training": TRAINING | {"calibration": 1}}, "calibration"),
    ],
)
def test_a_checkpoint_that_would_not_load_is_not_saved(toy, tmp_path, changes, message):
    model = toy_model()
    with pytest.raises((AffectZooError, TypeError), match=message):
        save(model, tmp_path / "out", **changes)
    assert not list((tmp_path / "out").iterdir())


def test_a_model_that_no_catalogue_knows_is_not_saved(toy, tmp_path):
    model = toy_model()
    model.arch = ""
    with pytest.raises(AffectZooError, match="no catalogue name"):
        save(model, tmp_path)


def test_research_weights_print_their_licence_once(shipped, capsys):
    shipped(tag="x-research", licences={**LICENCES, "weights": "CC-BY-NC-4.0"})
    pretrained._told.clear()
    load_artefact("toy/mean.x-research")
    load_artefact("toy/mean.x-research")
    assert capsys.readouterr().err.count("CC-BY-NC-4.0") == 1


def record():
    space = load_space("ravdess8+vad")
    bench = BenchmarkRef("pulse-bench", "pulses", "1", "loso", "ab" * 32, space.name, space.hash, "emotion/uar")
    score = Score(0.4567, 0.4, 0.5, per_class={"anger": 0.25, "calm": None}, n=90)
    return EvalRecord(
        ModelRef("toy/mean"),
        bench,
        {"emotion/uar": score},
        {"constant": {"emotion/uar": 0.125}},
        {"gender": {"f": {"emotion/uar": 0.31}}},
        n=90,
        trained_on=0,
        remarks=("One remark.",),
    )


def test_the_card_says_all_from_config_and_record(toy, tmp_path):
    folder = save(toy_model(), tmp_path, record=record(), notes="A note.", calibration={"emotion": 1.25})
    card = (folder / "README.md").read_text()
    for text in (
        "# toy/mean.first",
        "Mean of encoded blocks.",
        "Apache-2.0",
        "CC0-1.0",
        "synthetic, CC0-1.0",
        "neutral, calm, happiness, sadness, anger, fear, disgust, surprise",
        "valence, arousal, dominance",
        "| `emotion/uar` (main) | 0.4567 | 0.4000 to 0.5000 | 0.1250 |",
        "control: constant",
        "| `emotion/uar` | anger | 0.2500 |",
        "| calm | undefined |",
        "| gender | f | `emotion/uar` | 0.3100 |",
        "One remark.",
        "A note.",
        "1.25",
        "affectzoo predict FILES --model toy/mean.first",
        "Intended use",
        "Known bias",
        load_space("ravdess8+vad").hash,
        "made for the tests",
        "| items trained on | 2 |",
    ):
        assert text in card, text
    assert EvalRecord.read(folder / "record.json").scores["emotion/uar"].value == 0.4567


def test_a_card_without_record_claims_nothing(toy, tmp_path):
    card = (save(toy_model(), tmp_path) / "README.md").read_text()
    assert "nothing is claimed" in card and "were not measured" in card


def test_sha256_of_a_file_against_a_known_value(tmp_path):
    path = tmp_path / "abc"
    path.write_text("abc")  # FIPS 180-2, appendix B.1
    check_sha256(path, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


def test_saving_does_not_touch_the_model(toy, tmp_path):
    model = toy_model().train()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    save_artefact(
        model,
        tmp_path,
        tag="t",
        golden=toy_batch(model),
        licences=LICENCES,
        training=TRAINING,
        dtype="float16",
    )
    assert model.training and all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
