"""Data cards, splits and users' own tables that are wrong."""

import hashlib

import yaml
from badkit import ROOT, Case, command, good_files

from affectzoo.data.card import load_card, read_card
from affectzoo.data.dataset import open_dataset
from affectzoo.data.split import load_folds, read_folds

GOOD_CARD = yaml.safe_load((ROOT / "datasets" / "face_synthetic" / "card.yaml").read_text())


def card(**changes):
    """Read the face card with keys changed (None: left out)."""

    def trigger(folder):
        data = {k: v for k, v in {**GOOD_CARD, **changes}.items() if v is not None or k not in changes}
        path = folder / GOOD_CARD["name"] / "card.yaml"
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(data))
        read_card(path)

    return trigger


def unquoted(folder):
    path = folder / "broken" / "card.yaml"
    path.parent.mkdir()
    path.write_text("name: broken\ntitle: [a bracket that is not closed\n")
    read_card(path)


def split_file(text, sha256=None):
    def trigger(folder):
        (folder / "split.csv").write_text(text)
        read_folds(folder / "split.csv", sha256=sha256)

    return trigger


def edited_split(folder):
    (folder / "split.csv").write_text("key,part\na,train\nb,test\nc,test\n")
    read_folds(folder / "split.csv", sha256=hashlib.sha256(b"key,part\na,train\nb,test\n").hexdigest())


def checked_split(folder):
    (folder / "table.csv").write_text("key,speaker\na,anna\nb,anna\nc,bert\n")
    (folder / "split.csv").write_text("key,part\na,train\nb,test\nc,test\n")
    return command("split", folder / "table.csv", "--group", "speaker", "--check", "--out", folder / "split.csv")


def split_by_unknown_column(folder):
    (folder / "table.csv").write_text("key,speaker\na,anna\nb,bert\n")
    return command("split", folder / "table.csv", "--group", "speakr", "--folds", 2)


def table(text, **options):
    """Open a user's table beside a good wav called voice.wav."""

    def trigger(folder):
        (folder / "voice.wav").write_bytes(good_files("speech/logmel_cnn")[0].read_bytes())
        path = folder / options.pop("name", "mine.csv") if "name" in options else folder / "mine.csv"
        path.write_text(text)
        open_dataset("table", path=path, **{"modality": "audio", "label_space": "ekman7", **options})

    return trigger


def fold_of_parts(folder):
    load_folds(load_card("speech_synthetic"), "speaker")


CASES = [
    Case("a key that no card has", "data card", card(licens={"data": "CC0-1.0"}), r"card\.yaml: .*'licens'.*'licence'"),
    Case("no licence", "data card", card(licence=None), r"card\.yaml: missing key\(s\) 'licence'"),
    Case("text for a number", "data card", card(items="many"), r"card\.yaml\.items: expected int, got 'many'"),
    Case("an unknown label", "data card", card(label_map={"W": "angre"}), r"label_map\.W: .*'angre'.*'anger'"),
    Case(
        "a split that keeps nobody apart",
        "data card",
        card(splits={"random": {"file": "x.csv", "sha256": "0"}}),
        r"splits\.random: keeps none of subject apart.*'random-leaky'",
    ),
    Case("broken YAML", "data card", unquoted, r"card\.yaml: is not valid YAML"),
    Case("an unknown data set", "data card", lambda _: open_dataset("emo_db"), r"data set 'emo_db'.*'emodb'"),
    Case(
        "an unknown option of a data set",
        "data card",
        lambda _: open_dataset("speech_synthetic", speaker=3),
        r"'speech_synthetic': unknown option 'speaker'.*'speakers'",
    ),
    Case("a split edited after it was hashed", "split", edited_split, r"split\.csv: sha256 is .*its card says"),
    Case(
        "a speaker in two parts",
        "split",
        checked_split,
        r"(train and test|test and train) share speaker anna \(for example",
        via="command",
    ),
    Case("a key that occurs twice", "split", split_file("key,fold\na,0\nb,1\na,1\n"), r"split\.csv: line 4: key 'a'"),
    Case(
        "an unknown part", "split", split_file("key,part\na,dev\n"), r"split\.csv: line 2: 'a,dev' is not key and part"
    ),
    Case("a fold left out", "split", split_file("key,fold\na,0\nb,2\n"), r"split\.csv: folds are numbered \[0, 2\]"),
    Case("an unknown split", "split", fold_of_parts, r"'speech_synthetic': unknown split 'speaker'.*'speakers'"),
    Case(
        "an unknown group",
        "split",
        split_by_unknown_column,
        r"table\.csv: unknown column 'speakr'.*'speaker'",
        via="command",
    ),
    Case(
        "no column of labels",
        "user table",
        table("path,emotions\nvoice.wav,anger\n"),
        r"mine\.csv: has no label column",
    ),
    Case(
        "no column of files",
        "user table",
        table("paht,emotion\nvoice.wav,anger\n"),
        r"mine\.csv: unknown column 'path'.*'paht'",
    ),
    Case(
        "an unknown class",
        "user table",
        table("path,emotion\nvoice.wav,angre\n"),
        r"mine\.csv, line 2: column 'emotion': .*'angre'.*'anger'",
    ),
    Case(
        "a recording that is not there",
        "user table",
        table("path,emotion\nvoyce.wav,anger\n"),
        r"mine\.csv, line 2: column 'path': .*voyce\.wav: no such file",
    ),
    Case(
        "a rating outside the declared range",
        "user table",
        table("path,valence\nvoice.wav,7\n", label_space="va", range=[1, 5]),
        r"mine\.csv, line 2: column 'valence': 7 is outside \[1, 5\]",
    ),
    Case(
        "text for a rating",
        "user table",
        table("path,valence\nvoice.wav,high\n", label_space="va", range=[1, 5]),
        r"mine\.csv, line 2: column 'valence': 'high' is not a number",
    ),
    Case(
        "an unknown column to group by",
        "user table",
        table("path,emotion,speaker\nvoice.wav,anger,a\n", groups=["speakr"]),
        r"mine\.csv: groups: unknown column 'speakr'.*'speaker'",
    ),
]
