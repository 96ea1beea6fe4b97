import numpy as np
import pytest
import torch

from affectzoo.errors import AffectZooError
from affectzoo.face.au_relation import AuRelation
from affectzoo.face.models.face_net import FaceNet
from affectzoo.zoo.ensemble import Ensemble


def relation(units=4):
    torch.manual_seed(0)
    return AuRelation(dim=6, channels=5, positions=9, units=units, width=8)


def test_answer_is_evidence_plus_edges_times_tanh():
    """A second computation of the class's equation, in NumPy and one unit at a time."""
    graph = relation()
    with torch.no_grad():
        graph.edges.copy_(torch.randn(4, 4))
    features, maps = torch.randn(2, 6), torch.randn(2, 9, 5)
    got = graph(features, maps).detach().numpy()
    w = {n: p.detach().numpy().astype(float) for n, p in graph.named_parameters()}
    f, m = features.numpy().astype(float), maps.numpy().astype(float)

    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    for b in range(2):
        x = norm(m[b]) * w["norm.weight"] + w["norm.bias"]
        key = x @ w["key.weight"].T + w["key.bias"] + w["place"]
        value = x @ w["value.weight"].T + w["value.bias"]
        u = []
        for i in range(4):
            a = np.exp(key @ w["query"][i] / np.sqrt(8))
            h = norm(a @ value / a.sum() + f[b] @ w["context.weight"].T + w["context.bias"])
            h = h * w["node_norm.weight"] + w["node_norm.bias"]
            h = torch.nn.functional.gelu(torch.tensor(h @ w["mix.weight"].T + w["mix.bias"])).numpy()
            u.append(h @ w["weight"][i] + w["bias"][i])
        for i in range(4):
            others = sum(w["edges"][i, j] * (2 / (1 + np.exp(-u[j])) - 1) for j in range(4) if j != i)
            assert got[b, i] == pytest.approx(u[i] + others, rel=1e-4, abs=1e-5)


def test_a_unit_has_no_edge_to_itself():
    graph = relation()
    with torch.no_grad():
        graph.edges.fill_(2.0)
    assert torch.equal(graph.matrix().diagonal(), torch.zeros(4)) and bool((graph.matrix().sum(1) == 6).all())


def test_edges_find_what_is_hidden():
    """Unit 1 follows unit 0 in nine of ten cases and is never seen; its only way is the edge from unit 0."""
    torch.manual_seed(0)
    graph = AuRelation(dim=1, channels=3, positions=3, units=3, width=16)
    rng = np.random.default_rng(0)
    first, third = rng.uniform(size=(2, 512)) < 0.4
    second = np.where(rng.uniform(size=512) < 0.9, first, ~first)
    maps = torch.zeros(512, 3, 3)
    maps[:, 0, 0], maps[:, 2, 2] = torch.tensor(2.0 * first - 1), torch.tensor(2.0 * third - 1)
    maps[:, :, 1] = 0.5
    truth = torch.tensor(np.stack([first, second, third], 1), dtype=torch.float32)
    # Nodes read their own place only, so that evidence cannot pass through attention.
    with torch.no_grad():
        graph.query.copy_(10 * torch.eye(3, 16))
        graph.place.copy_(10 * torch.eye(3, 16))
    for p in (graph.query, graph.place, *graph.key.parameters(), *graph.context.parameters()):
        p.requires_grad_(False)
    graph.key.weight.data.zero_()
    graph.context.weight.data.zero_()
    optimizer = torch.optim.Adam([p for p in graph.parameters() if p.requires_grad], lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        logits = graph(torch.zeros(512, 1), maps)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, truth).backward()
        optimizer.step()
    edges = graph.matrix().detach()
    assert edges[1, 0] > 1 and edges[1, 0] > 3 * edges[1, 2].abs()
    found = (logits[:, 1] > 0).numpy() == second
    assert found.mean() > 0.85


def test_names_and_matrix_of_a_model():
    model = FaceNet("abaw12", backbone_options={"width": 8, "depth": 1}, size=32, relation=8)
    names, matrix = model.au_edges()
    assert names == model.label_space.names("au") and matrix.shape == (12, 12)
    assert FaceNet("vad", backbone_options={"width": 8, "depth": 1}, size=32, relation=8).heads.relation is None
    with pytest.raises(AffectZooError, match="no edges"):
        model.reset_head("vad").au_edges()


def test_an_ensemble_refuses_heads_that_it_cannot_average():
    small = {"backbone_options": {"width": 8, "depth": 1}, "size": 32}
    with pytest.raises(AffectZooError, match="face/face_au"):
        Ensemble("ekman7+abaw12", of="face/face_au", members=2, options=small)
    assert Ensemble("ekman7+abaw12", of="face/face_net", members=2, options=small).heads.dim == 64
