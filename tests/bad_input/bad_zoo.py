"""Checkpoints, downloads, label sets and configurations that are refused."""

import json
import pickle
import shutil
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from badkit import Case, command, good_checkpoint, good_files, train

from affectzoo.labels.mapping import map_spaces
from affectzoo.labels.space import Category, LabelSpace, load_space
from affectzoo.zoo.config import file_sha256
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.pretrained import load_artefact
from affectzoo.zoo.weights import download, unpack


def damaged(damage):
    """Load a copy of a sound checkpoint after damage."""

    def trigger(folder):
        copy = shutil.copytree(good_checkpoint(), folder / good_checkpoint().name)
        damage(copy)
        load_artefact(copy)

    return trigger


def edit_config(copy, change):
    data = json.loads((copy / "config.json").read_text())
    change(data)
    (copy / "config.json").write_text(json.dumps(data))


def truncate(copy):
    raw = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(raw[: len(raw) // 2])


def rewrite(copy, name, key, change, metadata):
    """Change the tensors of a file, and its hash with them."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / name)
    change(tensors)
    save_file(tensors, copy / name, metadata)
    edit_config(copy, lambda d: d.update({key: file_sha256(copy / name)}))


def rename_tensor(copy):
    def change(tensors):
        first = sorted(tensors)[0]
        tensors["module." + first] = tensors.pop(first)

    metadata = {"label_space_hash": load_space("ekman7").hash}
    rewrite(copy, "model.safetensors", "weights_sha256", change, metadata)


def other_weights(copy):
    def change(tensors):
        for t in tensors.values():
            if t.is_floating_point():
                t.mul_(1.5)

    metadata = {"label_space_hash": load_space("ekman7").hash}
    rewrite(copy, "model.safetensors", "weights_sha256", change, metadata)


def edit_label_space(copy):
    edit_config(copy, lambda d: d["label_space"]["categories"].reverse())


def newer(copy):
    edit_config(copy, lambda d: d.update(schema_version=99))


def odd_option(copy):
    edit_config(copy, lambda d: d["options"].update(width="wide"))


def no_licence(copy):
    edit_config(copy, lambda d: d["licences"].update(weights=""))


def predicting(*words):
    """A trigger: predict a good file with these words added."""

    def trigger(folder):
        (folder / "FOLDER.csv").mkdir()
        here = [str(folder / w) if w == "FOLDER.csv" else w for w in words]
        out = [] if "--out" in words else ["--out", folder / "p.csv"]
        return command("predict", good_files("speech/logmel_cnn")[0], "--model", good_checkpoint(), *out, *here)

    return trigger


def pickled(folder):
    (folder / "model.pt").write_bytes(pickle.dumps({"weight": [1.0]}))
    return command("predict", "x.wav", "--model", folder / "model.pt", "--out", folder / "p.csv")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, *_):
        pass


def wrong_file(folder):
    (folder / "served").mkdir()
    (folder / "served" / "weights.safetensors").write_text("something else")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder / "served"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        download(f"http://127.0.0.1:{server.server_port}/weights.safetensors", "ab" * 32, folder / "got")
    finally:
        server.shutdown()
        server.server_close()
        assert not (folder / "got" / "weights.safetensors").exists()


def climbing_zip(folder):
    with zipfile.ZipFile(folder / "data.zip", "w") as z:
        z.writestr("../evil.txt", "x")
    unpack(folder / "data.zip", folder / "into")


def linked_tar(folder):
    link = tarfile.TarInfo("passwords")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(folder / "data.tar", "w") as t:
        t.addfile(link)
    unpack(folder / "data.tar", folder / "into")


def moving_branch(folder):
    download("https://huggingface.co/org/name/resolve/main/model.safetensors", "ab" * 32, folder)


def label_set(text):
    """Write a label set as a file and read it as the registry does."""

    def trigger(folder):
        from affectzoo.schema import read_yaml

        (folder / "mine.yaml").write_text(text)
        LabelSpace.from_dict(read_yaml(folder / "mine.yaml"), str(folder / "mine.yaml"))

    return trigger


def wrong_hash(_):
    LabelSpace.from_dict({**load_space("ekman7").to_dict(), "version": "99"}, "my_space.json")


def duplicate(_):
    LabelSpace("mine", "1", categories=(Category("joy"), Category("joy")))


def both(_):
    load_space("ekman7+emodb7")


CASES = [
    Case("a pickle", "checkpoint", pickled, r"model\.pt: is not a checkpoint.*never a pickle", via="command"),
    Case("weights that are cut off", "checkpoint", damaged(truncate), r"model\.safetensors: sha256 is .*damaged"),
    Case(
        "a tensor under another name",
        "checkpoint",
        damaged(rename_tensor),
        r"model\.safetensors: the tensors do not fit the model; missing: .*unexpected: module\.",
    ),
    Case(
        "weights of another training",
        "checkpoint",
        damaged(other_weights),
        r"golden\.safetensors: golden output 'emotion' is not reproduced",
    ),
    Case(
        "a label space that was edited",
        "checkpoint",
        damaged(edit_label_space),
        r"config\.json: label space: hash \w+ does not match its contents",
    ),
    Case("a newer schema", "checkpoint", damaged(newer), r"config\.json: checkpoint schema 99 .*update affectzoo"),
    Case("an option of the wrong type", "checkpoint", damaged(odd_option), r"config\.json: its options do not build"),
    Case(
        "a licence left empty", "checkpoint", damaged(no_licence), r"config\.json: licences: weights must not be empty"
    ),
    Case(
        "a misspelt model",
        "checkpoint",
        lambda _: command("info", "speech/logmel_cn"),
        r"'speech/logmel_cn'.*'speech/logmel_cnn'",
        via="command",
    ),
    Case(
        "a hub id without a commit",
        "checkpoint",
        lambda _: load_artefact("hf-hub:org/name@main"),
        r"'hf-hub:org/name@main' names no commit: write 'hf-hub:org/name@<40",
    ),
    Case(
        "an unknown option of a model",
        "checkpoint",
        lambda _: create_model("speech/logmel_cnn", "ekman7", n_mel=40),
        r"speech/logmel_cnn: unknown option 'n_mel'.*'n_mels'",
    ),
    Case("another file than the hash says", "download", wrong_file, r"weights\.safetensors.*sha256 is .*thrown away"),
    Case(
        "an archive that climbs out",
        "download",
        climbing_zip,
        r"data\.zip: holds '\.\./evil\.txt'.*nothing was unpacked",
    ),
    Case("an archive with a link", "download", linked_tar, r"data\.tar: holds 'passwords', a link"),
    Case(
        "a branch instead of a commit", "download", moving_branch, r"names revision 'main'; a commit of 40 hex digits"
    ),
    Case("a name that occurs twice", "label set", duplicate, r"'mine': emotion names occur twice: joy"),
    Case(
        "an unknown parent",
        "label set",
        label_set("name: mine\nversion: '1'\ncategories:\n  - {name: joy}\n  - {name: bliss, parents: [joi]}\n"),
        r"'mine': bliss: unknown parent 'joi'.*'joy'",
    ),
    Case(
        "an unknown key",
        "label set",
        label_set("name: mine\nversion: '1'\ncategory:\n  - {name: joy}\n"),
        r"mine\.yaml: unknown key 'category'.*'categories'",
    ),
    Case("a hash that does not fit", "label set", wrong_hash, r"my_space\.json: hash \w+ does not match its contents"),
    Case(
        "two spaces that cannot be mapped",
        "label set",
        lambda _: map_spaces("abaw12", "ekman7"),
        r"'abaw12' \(au\) cannot be mapped to 'ekman7' \(emotion\): action units describe a face",
    ),
    Case("two spaces with one field", "label set", both, r"'ekman7' and 'emodb7' both define emotion"),
    Case(
        "a misspelt label space",
        "label set",
        lambda _: command("labels", "show", "ekmann7"),
        r"unknown label space 'ekmann7'.*'ekman7'",
        via="command",
    ),
    Case(
        "an unknown label space",
        "training",
        train("label_space=ekmann7"),
        r"unknown label space 'ekmann7'.*'ekman7'",
        via="command",
    ),
    Case(
        "a class of somebody else",
        "training",
        train("optimizer._target_=os.system"),
        r"optimizer\._target_: target 'os\.system' is not allowed; allowed are names under affectzoo\.",
        via="command",
    ),
    Case(
        "an unknown option of the model",
        "training",
        train("+model.n_mel=40"),
        r"speech/logmel_cnn: unknown option 'n_mel'.*'n_mels'",
        via="command",
    ),
    Case(
        "a sweep whose children would start it again",
        "training",
        train("-m", "trainer=ddp_cpu", "seed=0,1"),
        r"multirun with trainer\.devices=2.*Use one of: trainer\.devices=1",
        via="command",
    ),
    Case(
        "a misspelt checkpoint to start from",
        "training",
        train("init=speech/logmel_cn"),
        r"unknown checkpoint or model 'speech/logmel_cn'.*'speech/logmel_cnn'",
        via="command",
    ),
    Case(
        "a device that is not there",
        "command",
        predicting("--device", "cudaa"),
        r"device 'cudaa' cannot be used: Expected one of cpu, cuda",
        via="command",
    ),
    Case(
        "a folder where a table should be written",
        "command",
        predicting("--out", "FOLDER.csv"),
        r"FOLDER\.csv: is a folder; name a file",
        via="command",
    ),
    Case(
        "a label space that cannot be answered",
        "command",
        predicting("--to", "abaw12"),
        r"'ekman7' \(emotion\) cannot be mapped to 'abaw12' \(au\): a class does not say",
        via="command",
    ),
    Case("a misspelt command", "command", lambda _: command("predct"), r"command 'predct'.*'predict'", via="command"),
]
