"""A single run fits a temperature on its validation part; run again with its record, the checkpoint has it."""

import pytest
from test_pretraining import configured

from affectzoo.engine.calibration import NAME
from affectzoo.engine.single import run
from affectzoo.structures.record import EvalRecord
from affectzoo.zoo.config import read_config


def test_the_record_of_a_run_calibrates_its_own_checkpoint(tmp_path):
    folder = tmp_path / "run"
    run(configured(folder))
    first = EvalRecord.read(folder / "record.json")
    after = first.scores[NAME]
    assert "items of the validation part" in after.conventions["fitted on"] and first.seconds is not None
    temperature = after.conventions["temperature"]
    (config,) = folder.glob("*/config.json")
    assert read_config(config.parent).calibration == {}

    for _ in range(2):  # the record that takes the first one's place serves as well
        run(configured(folder, f"calibration={folder / 'record.json'}"))
        second = EvalRecord.read(folder / "record.json")
        assert read_config(config.parent).calibration == {"emotion": temperature}
        assert second.scores["emotion/ece"].value == pytest.approx(after.value, abs=2e-4)  # temperature to 4 digits
        assert second.scores[NAME].value == second.scores["emotion/ece"].value
        assert second.scores[NAME].conventions == after.conventions
        assert second.scores["emotion/uar"].value == first.scores["emotion/uar"].value
        assert second.seconds is None  # nothing was trained
