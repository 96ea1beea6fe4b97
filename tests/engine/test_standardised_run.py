"""A run whose features are standardised by speaker: its record says so and is not ranked, its checkpoint refuses."""

import pytest
from test_pretraining import configured

from affectzoo.engine.single import run
from affectzoo.errors import AffectZooError
from affectzoo.inference.predictor import load_predictor
from affectzoo.structures.record import EvalRecord
from affectzoo.zoo.config import read_config


def test_it_is_not_ranked_and_answers_to_no_single_file(tmp_path):
    run(configured(tmp_path / "run", "data.standardise=speaker", "trainer.max_epochs=1"))
    record = EvalRecord.read(tmp_path / "run" / "record.json")
    assert not record.ranked and record.remarks[0].startswith("not ranked: transductive, features are standardised")
    (config,) = (tmp_path / "run").glob("*/config.json")
    assert read_config(config.parent).standardised == "speaker"
    with pytest.raises(AffectZooError, match="standardised with all recordings of each speaker"):
        load_predictor(str(config.parent))
