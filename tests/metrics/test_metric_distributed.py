"""Two processes give what one gives: 7 rows on 2 ranks, one of them also with nothing to say."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from affectzoo.metrics.contract import SPACE, example_rows
from affectzoo.metrics.moments import COUNT
from affectzoo.metrics.registry import build_metric, list_metrics
from affectzoo.metrics.suite import MetricSuite
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import BatchTarget

CUTS = {"uneven": (0, 3, 7), "idle": (0, 0, 7)}  # rank r sees rows CUTS[r] to CUTS[r + 1]


def data(field):
    pred, target = example_rows(field, 7, seed=4)
    return (pred + 1000, target + 1000) if field == "vad" else (pred, target)


def fed(name, rows):
    field, short = name.split("/")
    metric = build_metric(SPACE, field, short)
    pred, target = (x[rows] for x in data(field))
    if len(pred):
        ids = torch.tensor([0, 0, 1, 1, 1, 1, 0])[rows]
        metric.update(pred, target, None, ids)
    return metric


def suite_of(rows):
    suite = MetricSuite.from_label_space(SPACE)
    fields, targets = {}, {}
    for field in SPACE.fields:
        pred, target = (x[rows] for x in example_rows(field, 7, seed=4))
        fields[field] = PredictionField(pred, "value" if field == "vad" else "probabilities")
        targets[field] = BatchTarget(target, torch.ones_like(target, dtype=torch.bool))
    if len(pred):
        suite.update(AffectPrediction([str(i) for i in range(len(pred))], SPACE, fields), targets)
    return suite


def worker(rank, file, out):
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    found = {}
    for split, cuts in CUTS.items():
        rows = slice(cuts[rank], cuts[rank + 1])
        for name in list_metrics():
            metric = fed(name, rows)
            found[f"{split} {name}"] = metric.compute().numpy()
            if name == "vad/ccc":
                with metric.sync_context():
                    found[f"{split} count"] = metric.stats[:, COUNT].numpy()
                found[f"{split} own"] = metric.stats[:, COUNT].numpy()  # the local state is back after the sync
        found |= {f"{split} suite {k}": v.numpy() for k, v in suite_of(rows).compute().items()}
    np.savez(f"{out}.{rank}.npz", **found)
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_two_processes_equal_one(tmp_path):
    mp.spawn(worker, (str(tmp_path / "meet"), str(tmp_path / "out")), nprocs=2)
    ranks = [dict(np.load(f"{tmp_path}/out.{r}.npz", allow_pickle=False)) for r in (0, 1)]
    whole = suite_of(slice(0, 7)).compute()
    for split in CUTS:
        for name in list_metrics():
            truth = fed(name, slice(0, 7)).compute().numpy()
            for r in ranks:
                np.testing.assert_allclose(r[f"{split} {name}"], truth, rtol=0, atol=1e-12, err_msg=f"{split} {name}")
        for r in ranks:
            assert r[f"{split} count"].tolist() == [7, 7], "counts are exact"
            for name, value in whole.items():
                np.testing.assert_allclose(r[f"{split} suite {name}"], value.numpy(), rtol=0, atol=1e-12, err_msg=name)
    assert ranks[0]["uneven own"].tolist() == [3, 3] and ranks[1]["uneven own"].tolist() == [4, 4]
