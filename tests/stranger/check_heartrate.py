"""What a stranger's own tests look like; pytest runs them where the package is installed."""

import torch
from affectzoo_heartrate.metric import YoudenJ

from affectzoo import create_model, open_dataset
from affectzoo.data.collate import collate
from affectzoo.metrics import contract
from affectzoo.testing import check_dataset, check_metric, check_model


def test_data(tmp_path):
    check_dataset("heart_demo", folder=tmp_path)


def test_model(tmp_path):
    data = open_dataset("heart_demo", folder=tmp_path)
    model = create_model("heart/tachonet", label_space="heart2+va")
    check_model(model, collate([model.prepare(s) for s in data.samples[:3]], data.space))


def test_metric():
    pred, truth = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0, 1, 0, 0, 1])
    batches = [(pred[:3], truth[:3]), (pred[3:], truth[3:])]
    check_metric(lambda: YoudenJ(("calm", "aroused")), batches, lambda *_: 2 / 3 + 1 - 1)


def test_metric_at_the_edges():
    contract.check_metric("emotion/youden_j")
