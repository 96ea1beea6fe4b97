"""Predictor: one door for every modality, from a file, an array or a sample to a PredictionTable."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError, FileError
from affectzoo.inference.sources import file_keys, find_files
from affectzoo.plugins import find_checks, import_target
from affectzoo.schema import to_dict
from affectzoo.structures.prediction import ACTIVATION, AffectPrediction, PredictionField
from affectzoo.structures.record import ModelRef
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, read_file, reader_of
from affectzoo.structures.table import TEXTS, PredictionTable, TableMeta
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.config import PretrainedConfig
from affectzoo.zoo.pretrained import load_artefact

_BATCH = 16
#: Attribute of a prepared sample: codes of what makes an answer doubtful, comma separated.
WARNING = "warning"
#: A smaller file is not asked how long it is. Ours.
_SMALL_BYTES = 1 << 20


def load_predictor(name_or_path: str | Path, device: str = "cpu") -> "Predictor":
    """Load a checkpoint by catalogue name ('speech/logmel_cnn.tag'), folder or hub id, and prove it.

    Raises UnknownNameError with the nearest names, FileError for a damaged checkpoint, AffectZooError for one whose
    heads are untrained.
    """
    model, config = load_artefact(name_or_path)
    return Predictor(model, config, device)


class Predictor:
    """A model with its preprocessing, label space and calibration.

    predictor(x) takes a path (file, folder or glob), a (array, rate_hz) pair, a Signal, an AffectSample, or a
    list of these, and gives a PredictionTable. It raises FileError for a bad file; `run.predict_files` goes
    on instead. A model that says how subjects are found (`find`) answers to each of them in each step of a file, as
    tracks.TrackPredictor does; whole=True takes the file as the subject. What is in memory always is one.
    """

    def __init__(self, model: AffectModel, config: PretrainedConfig | None = None, device: str = "cpu"):
        if config:
            config.check_answers()
        self.model = model.to(_usable(device)).eval()
        self.device = device
        self.calibration = dict(config.calibration) if config else {}
        self.training_keys = config.training_keys if config else ()
        parameters = sum(p.numel() for p in model.parameters())
        tag, sha256 = (config.tag, config.weights_sha256) if config else ("", "")
        self._checks = [(m, import_target(t)) for m in self.modalities for t in find_checks(m)]
        self._finder = None
        self.info = ModelRef(model.arch, tag, sha256, parameters)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The signals that the model reads."""
        return self.model.modalities

    def __call__(self, x: Any, whole: bool = False) -> PredictionTable:
        """Predict; see the class. Rows come in the order of the inputs; `source` names the file."""
        items = x if isinstance(x, list) else [x]
        if self.model.find is not None and not whole and all(isinstance(i, (str, Path)) for i in items):
            return self._subjects(items)
        samples, sources = self._samples(items)
        tables = []
        for i in range(0, len(samples), _BATCH):
            prepared = [self.prepare(s) for s in samples[i : i + _BATCH]]
            tables.append(self.predict(prepared, sources[i : i + _BATCH]))
        return PredictionTable.concat(tables)

    def read(self, path: str | Path, key: str | None = None) -> AffectSample:
        """Read one file into a prepared sample. AffectZooError: missing, empty, broken, silent, short."""
        return self.prepare(self._from_file(Path(path), Path(path).stem if key is None else key))

    def prepare(self, sample: AffectSample) -> AffectSample:
        """What the model makes of a sample, with the codes of what makes an answer doubtful in its attributes.

        The codes come from the checks that plug-ins declare for the sample's modalities, before any transform.
        """
        loaded = sample.load(self.modalities)
        prepared = self.model.prepare(loaded)
        codes = dict.fromkeys(code for m, check in self._checks for code in check(loaded.signals[m]))
        return replace(prepared, attributes={**prepared.attributes, WARNING: ", ".join(codes)})

    def predict(self, prepared: Sequence[AffectSample], sources: list[str] | None = None) -> PredictionTable:
        """Table of one batch of prepared samples; rows that are not finite say so in `error`."""
        pred = self.predict_batch(prepared)
        warnings = [str(s.attributes.get(WARNING, "")) for s in prepared]
        table = PredictionTable.from_prediction(pred, sources, to_dict(self.info), self.training_keys, warnings)
        columns = [f"{f}.{n}" for f in pred.fields for n in pred.space.names(f)]
        bad = ~np.isfinite(table.frame[columns].to_numpy(float)).all(1)
        if not bad.any():
            return table
        frame = table.frame.assign(error=np.where(bad, "the model's output is not finite", table.frame["error"]))
        frame.loc[bad, columns] = np.nan
        return replace(table, frame=frame)

    def empty_table(self) -> PredictionTable:
        """A table without rows, for runs without an answer: one row a clip, kinds as the heads give them."""
        space = self.model.label_space
        kinds = {f: "probabilities" if f in ACTIVATION else "value" for f in space.fields}
        if "au" in kinds and space.au_kind == "intensity":
            kinds["au"] = "value"
        meta = TableMeta(space.to_dict(), kinds, model=to_dict(self.info), training_keys=self.training_keys)
        columns = ["key", "track", "t_s", *(f"{f}.{n}" for f in kinds for n in space.names(f))]
        columns += ["source", "warning", "error"]
        frame = pd.DataFrame({c: np.zeros(0, object if c in TEXTS else float) for c in columns})
        return PredictionTable(frame, meta)

    @torch.inference_mode()
    def predict_batch(self, prepared: Sequence[AffectSample]) -> AffectPrediction:
        """Calibrated prediction of prepared samples, on the CPU."""
        batch = collate([replace(s, targets={}) for s in prepared], self.model.label_space).to(self.device)
        return calibrate(self.model(batch).cpu(), self.calibration)

    def _samples(self, items: list[Any]) -> tuple[list[AffectSample], list[str]]:
        samples, sources = [], []
        expanded = [find_files([x], self.modalities) if isinstance(x, (str, Path)) else x for x in items]
        paths = list(dict.fromkeys(p for x in expanded if isinstance(x, list) for p in x))
        keys = dict(zip(paths, file_keys(paths), strict=True))
        for i, x in enumerate(expanded):
            if isinstance(x, list):
                samples += [self._from_file(p, keys[p]) for p in x]
                sources += map(str, x)
            else:
                samples.append(self._from_memory(x, f"item{i}"))
                sources.append("")
        if not samples:
            raise AffectZooError("nothing to predict: the list is empty")
        return samples, sources

    def _subjects(self, items: list[str | Path]) -> PredictionTable:
        """A row per subject and step of each file; the finder is loaded once."""
        from affectzoo.inference.tracks import TrackPredictor  # it is built on this module

        self._finder = self._finder or TrackPredictor(self)
        paths = list(dict.fromkeys(p for i in items for p in find_files([i], self.modalities)))
        return PredictionTable.concat([self._finder(p, k) for p, k in zip(paths, file_keys(paths), strict=True)])

    def _from_file(self, path: Path, key: str) -> AffectSample:
        self._check_length(path)
        return AffectSample(key, read_file(path, self.modalities))

    def _check_length(self, path: Path) -> None:
        """FileError, before anything is decoded, for a recording that only windows can hold in memory."""
        if not path.is_file() or path.stat().st_size < _SMALL_BYTES:
            return
        target = reader_of(path, self.modalities).stream
        seconds = import_target(target).open(path)[1] if target else 0.0
        if seconds > self.model.max_seconds:
            raise FileError(
                path,
                f"lasts {seconds:.0f} s; one answer is given to at most {self.model.max_seconds:.0f} s: "
                "ask for answers over time (--every 1s)",
            )

    def _from_memory(self, x: Any, key: str) -> AffectSample:
        if isinstance(x, AffectSample):
            return x
        if isinstance(x, tuple) and len(x) == 2:
            x = Signal(np.asarray(x[0]), float(x[1]))
        if not isinstance(x, Signal):
            raise AffectZooError(
                f"cannot predict from {type(x).__name__}: give a path, (array, rate_hz), a Signal or an AffectSample"
            )
        if len(self.modalities) != 1:
            raise AffectZooError(
                f"{self.info.arch} reads {' and '.join(self.modalities)} together: give a file or an AffectSample"
            )
        return AffectSample(key, {self.modalities[0]: x})


def _usable(device: str) -> str:
    """The device, when it is there. Raises AffectZooError with torch's reason."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as e:  # AssertionError: a build of torch without CUDA
        raise AffectZooError(f"device {device!r} cannot be used: {str(e).splitlines()[0]}") from None
    return device


def calibrate(pred: AffectPrediction, temperatures: dict[str, float]) -> AffectPrediction:
    """Logits divided by their field's temperature (Guo et al. 2017, eq. 9); other fields stay as they are."""
    fields = {
        n: PredictionField(f.values / temperatures[n], f.kind, f.uncertainty)
        if n in temperatures and f.kind == "logits"
        else f
        for n, f in pred.fields.items()
    }
    return replace(pred, fields=fields)
