"""Made-up copies of corpora in their official layouts: tiny recordings, a few rows, every kind of label once."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml


def recording(path: Path, seconds: float = 0.05, rate: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.full(round(seconds * rate), 0.1), rate)
    return path


def table(path: Path, rows: list[dict], columns=None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, columns or rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


# CREMA-D ---------------------------------------------------------------------------------------------------------

LETTERS = "ADFHNS"
#: clip -> votes on the voice, the face and both
CREMA_D = {
    "1001_DFA_ANG_XX": ((6, 2, 0, 0, 1, 0), (9, 0, 0, 0, 0, 0), (8, 1, 0, 0, 0, 0)),
    "1002_IEO_HAP_HI": ((0, 0, 0, 5, 5, 0), (0, 0, 0, 10, 0, 0), (0, 0, 0, 9, 1, 0)),
    "1040_ITH_SAD_XX": ((0, 0, 2, 0, 5, 3), (0, 0, 0, 0, 8, 2), (0, 0, 6, 0, 2, 2)),
}
ACTORS = ((1001, 51, "Male"), (1002, 21, "Female"), (1040, 42, "Male"))


def crema_d(base: Path, votes: dict = CREMA_D, actors=ACTORS) -> Path:
    root = base / "CREMA-D"
    for clip in votes:
        recording(root / "AudioWAV" / f"{clip.replace('1040_ITH_SAD_XX', '1040_ITH_SAD_X')}.wav")
    rows = [{"ActorID": a, "Age": age, "Sex": s, "Race": "Unknown", "Ethnicity": "Unknown"} for a, age, s in actors]
    table(root / "VideoDemographics.csv", rows)
    official = [
        {"": f"{m}{i:05d}", **dict(zip(LETTERS, by[m - 1], strict=True)), "fileName": clip,
         "numResponses": sum(by[m - 1]), "agreement": max(by[m - 1]) / sum(by[m - 1]), "emoVote": "-"}
        for m in (1, 2, 3) for i, (clip, by) in enumerate(votes.items(), start=1)
    ]  # fmt: skip
    table(root / "processedResults" / "tabulatedVotes.csv", official)
    return base


# IEMOCAP ---------------------------------------------------------------------------------------------------------

TURNS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Anger;\t()
C-E4:\tFrustration;\t(tired; a little)
C-F1:\tSadness;\t(curious)
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  3;\t(mildly aggravated but staying polite, attitude)
A-F1:\tval 5; act 1; dom  ;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\texc\t[4.0000, 5.0000, 3.0000]
C-E2:\tExcited;\t()
C-E3:\tHappiness;\t()
C-M1:\tExcited;\t()
A-E3:\tval 4; act 5; dom  3;\t()
A-M1:\tval 1; act 1; dom  1;\t()

[12.0000 - 13.0000]\tSes01F_impro01_F001\tfru\t[2.0000, 3.0000, 3.0000]
C-E2:\tFrustration;\t()
C-E3:\tFrustration;\t()
A-E3:\tval 2; act 3; dom  3;\t()

[14.0000 - 15.0000]\tSes01F_impro01_M001\txxx\t[5.5000, 3.0000, 3.0000]
C-E2:\tSurprise;\t()
C-E3:\tAnger;\t()
C-E4:\tOther;\t(puzzled)
A-E3:\tval 5; act 3; dom  3;\t()

"""


def iemocap(base: Path, text: str = TURNS, session: int = 1) -> Path:
    """One dialogue of one session; the text is the first session's with its number changed."""
    folder = base / "IEMOCAP_full_release" / f"Session{session}"
    text, dialog = text.replace("Ses01", f"Ses0{session}"), f"Ses0{session}F_impro01"
    labels = folder / "dialog" / "EmoEvaluation" / f"{dialog}.txt"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text(text, encoding="utf-8")
    (labels.parent / f"._{dialog}.txt").write_bytes(b"\x00\x05\x16\x07")  # what a Mac leaves in archives
    (labels.parent / "Categorical").mkdir(exist_ok=True)
    for name in ("F000", "M000", "F001", "M001"):
        recording(folder / "sentences" / "wav" / dialog / f"{dialog}_{name}.wav")
    return base


# MSP-Podcast -----------------------------------------------------------------------------------------------------

MSP_COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
MSP = (
    ("MSP-PODCAST_0001_0008.wav", "N", "4.0", "4.0", "1.0", "97", "Female", "Test1"),
    ("MSP-PODCAST_0002_0001.wav", "A", "7.0", "1.0", "5.5", "12", "Male", "Train"),
    ("MSP-PODCAST_0003_0002.wav", "C", "4.2", "3.6", "4.4", "Unknown", "Unknown", "Train"),
    ("MSP-PODCAST_0003_0005.wav", "X", "2.5", "3.0", "4.0", "13", "Male", "Development"),
    ("MSP-PODCAST_0004_0001.wav", "O", "5.0", "5.0", "5.0", "14", "Female", "Test2"),
    ("MSP-PODCAST_0005_0001.wav", "", "", "", "", "15", "Male", "Test3"),
)
#: segment -> primary emotions of its raters
MSP_RATERS = {
    "MSP-PODCAST_0001_0008.wav": ("Neutral", "Neutral", "Happy", "Other-Curious", "Neutral"),
    "MSP-PODCAST_0002_0001.wav": ("Angry", "Angry", "Contempt", "Angry", "Disgust"),
    "MSP-PODCAST_0003_0002.wav": ("Contempt", "Contempt", "Contempt", "Sad", "Fear"),
    "MSP-PODCAST_0003_0005.wav": ("Happy", "Surprise", "Happy", "Surprise", "Neutral"),
    "MSP-PODCAST_0004_0001.wav": ("Other", "Other-Amused", "Other-Amused", "Other", "Other"),
    "MSP-PODCAST_0005_0001.wav": ("Sad", "Sad", "Sad", "Neutral", "Neutral"),
}


def msp_podcast(base: Path, rows=MSP, name: str = "labels_consensus.csv", packed: bool = True) -> Path:
    root = base / "MSP-Podcast"
    table(root / "Labels" / name, [dict(zip(MSP_COLUMNS, row, strict=True)) for row in rows])
    raters = [(f, f"WORKER{i:08d}", e) for f, named in MSP_RATERS.items() for i, e in enumerate(named)]
    detailed = [
        {"FileName": f, "EmoDetail": f"{w}; {e}; Concerned,Amused; A:4.000000; V:3.000000; D:4.000000;"}
        if packed
        else {"FileName": f, "Workers": w, "EmoClass_Major": e, "EmoClass_Second": "Concerned", "EmoAct": 4}
        for f, w, e in raters
    ]
    table(root / "Labels" / "labels_detailed.csv", detailed)
    for row in rows:
        recording(root / "Audios" / row[0])
    return base


# MELD ------------------------------------------------------------------------------------------------------------

MELD_COLUMNS = (
    "Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode",
    "StartTime", "EndTime",
)  # fmt: skip
MELD = {
    "train": ((0, 0, "Ross", "joy", "positive"), (0, 1, "The Waiter", "neutral", "neutral")),
    "dev": ((0, 0, "Rachel", "disgust", "negative"),),
    "test": ((0, 0, "Ross", "surprise", "positive"), (1, 0, "Monica", "sadness", "negative")),
}
MELD_FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}


def meld(base: Path, parts=MELD, inside: bool = False) -> Path:
    """inside: tables and folders in a folder of the part, as the archives unpack."""
    root = base / "MELD.Raw"
    for part, rows in parts.items():
        home = root / part if inside else root
        cells = [
            (i + 1, "“Oh, really?” he said.", speaker, emotion, mood, d, u, 3, 19, "00:14:38,127", "00:14:40,378")
            for i, (d, u, speaker, emotion, mood) in enumerate(rows)
        ]
        table(home / f"{part}_sent_emo.csv", [dict(zip(MELD_COLUMNS, c, strict=True)) for c in cells])
        for d, u, *_ in rows:
            recording(home / MELD_FOLDERS[part] / f"dia{d}_utt{u}.wav", rate=48000)
    return base


def film(path: Path, seconds: float = 1.0, rate: int = 48000) -> Path:
    """An mp4 with a picture of one colour and a tone. Skips the test where PyAV is not installed."""
    av = pytest.importorskip("av", reason="writing a film needs PyAV")
    with av.open(str(path), "w") as out:
        picture, track = out.add_stream("mpeg4", rate=10), out.add_stream("aac", rate=rate, layout="mono")
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        for _ in range(round(10 * seconds)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            out.mux(picture.encode(frame))
        tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * rate)) / rate)
        sound = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), format="fltp", layout="mono")
        sound.sample_rate = rate
        out.mux([*picture.encode(None), *track.encode(sound), *track.encode(None)])
    return path


# SAVEE -----------------------------------------------------------------------------------------------------------


def savee(base: Path, clips=("a01", "d02", "f03", "h04", "n30", "sa05", "su06")) -> Path:
    for speaker in ("DC", "JE", "JK", "KL"):
        for clip in clips:
            recording(base / "SAVEE" / "AudioData" / speaker / f"{clip}.wav", rate=44100)
    return base


# audformat -------------------------------------------------------------------------------------------------------

HEADER = {
    "name": "mine",
    "source": "made up",
    "usage": "unrestricted",
    "media": {"microphone": {"type": "audio", "format": "wav", "sampling_rate": 16000}},
    "raters": {"gold": {"type": "human"}},
    "schemes": {
        "emotion": {"dtype": "str", "labels": ["anger", "boredom", "happiness"]},
        "rating": {"dtype": "float", "minimum": 1, "maximum": 5},
        "bare": {"dtype": "float"},
        "speaker": {"dtype": "int", "labels": "speaker"},
        "text": {"dtype": "str", "labels": {"a01": {"words": "one"}, "a02": {"words": "two"}}},
    },
    "splits": {"train": {"type": "train"}, "test": {"type": "test"}},
    "tables": {
        "files": {"type": "filewise", "columns": {"speaker": {"scheme_id": "speaker"}, "text": {"scheme_id": "text"}}},
        "emotion.train": {"type": "filewise", "split_id": "train", "columns": {"emotion": {"scheme_id": "emotion"}}},
        "emotion.test": {"type": "filewise", "split_id": "test", "columns": {"emotion": {"scheme_id": "emotion"}}},
        "segments": {
            "type": "segmented",
            "columns": {"emotion": {"scheme_id": "emotion"}, "v": {"scheme_id": "rating"}, "a": {"scheme_id": "bare"}},
        },
    },
    "misc_tables": {"speaker": {"levels": {"speaker": "int"}, "columns": {"gender": {}, "age": {}}}},
}
AUDFORMAT = {
    "files": "file,speaker,text\nwav/0.wav,3,a01\nwav/1.wav,8,a02\nwav/2.wav,3,a02\n",
    "emotion.train": "file,emotion\nwav/0.wav,anger\nwav/2.wav,happiness\n",
    "emotion.test": "file,emotion\nwav/1.wav,boredom\n",
    "segments": (
        "file,start,end,emotion,v,a\n"
        "wav/0.wav,0 days 00:00:00.000000,0 days 00:00:00.500000,anger,1.0,-2\n"
        "wav/0.wav,0 days 00:00:00.500000,,boredom,5.0,2\n"
        "wav/1.wav,0 days 00:00:00.250000,0 days 00:00:01.000000,,3.0,\n"
    ),
    "speaker": "speaker,gender,age\n3,male,31\n8,female,34\n",
}


def audformat(folder: Path, header=HEADER, tables=AUDFORMAT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "db.yaml").write_text(yaml.safe_dump(header, sort_keys=False), encoding="utf-8")
    for name, text in tables.items():
        (folder / f"db.{name}.csv").write_text(text, encoding="utf-8")
    for i in range(3):
        recording(folder / "wav" / f"{i}.wav", seconds=1.0)
    return folder
