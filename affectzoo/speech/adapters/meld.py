"""MELD (Poria et al. 2019): utterances of the series Friends in dialogues, 7 classes.

Read: train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv, and a recording dia0_utt0.* of each row in the
part's folder of the release: sound (wav, flac, mp3, ogg) where it has been extracted, else the film (mp4).
"""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import read_rows, row_samples
from affectzoo.data.native import NativeLabels, first_file
from affectzoo.errors import FileError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

#: Part -> where its recordings may lie; the tables lie beside the folders or in the folder of the part.
FOLDERS = {
    "train": ("train_splits", "train/train_splits", "train"),
    "dev": ("dev_splits_complete", "dev/dev_splits_complete", "dev"),
    "test": ("output_repeated_splits_test", "test/output_repeated_splits_test", "test"),
}
SOUND = (".wav", ".flac", ".mp3", ".ogg")
FILM = ".mp4"
COLUMNS = ("Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode")


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Utterances with dialogue and speaker as groups and the official part (train, dev, test) as the attribute subset.

    Dialogues are numbered anew in each part, so that a dialogue is named by both (train_dia0). The sound of
    a film is read through the video family, which decodes its pictures too: extract the sound for training.
    """
    labels = NativeLabels(card, None, "leave_out")
    for part, folders in FOLDERS.items():
        name = f"{part}_sent_emo.csv"
        table = first_file(root, (name, f"{part}/{name}"))
        places = [root / f for f in folders if (root / f).is_dir()]
        if not places:
            raise FileError(root, f"has none of the folders {', '.join(folders)} for the recordings of {part}")

        def make(row: dict, part=part, places=places) -> AffectSample | None:
            dialogue, utterance = int(row["Dialogue_ID"]), int(row["Utterance_ID"])
            target = labels.target(row["Emotion"])
            return target and AffectSample(
                key=f"{part}/dia{dialogue}_utt{utterance}",
                signals={"audio": _recording(places, f"dia{dialogue}_utt{utterance}")},
                targets={"emotion": target},
                groups={"dialogue": f"{part}_dia{dialogue}", "speaker": f"meld_{row['Speaker']}"},
                attributes={
                    "subset": part,
                    "sentiment": row["Sentiment"],
                    "episode": f"s{int(row['Season']):02d}e{int(row['Episode']):02d}",
                },
            )

        yield from row_samples(table, read_rows(table, COLUMNS), make)
    labels.report()


def _recording(places: list[Path], name: str) -> SignalRef:
    """Sound before film. Raises FileError naming what was looked for."""
    for suffix in SOUND:
        for place in places:
            if (place / (name + suffix)).is_file():
                return SignalRef(place / (name + suffix), "audio")
    for place in places:
        if (place / (name + FILM)).is_file():
            return SignalRef(place / (name + FILM), "audio", modalities=("face", "audio"))
    raise FileError(places[0] / (name + SOUND[0]), f"no such file (nor {', '.join((*SOUND[1:], FILM))})")
