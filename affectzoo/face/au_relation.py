"""Action units as a graph: an embedding a unit from the feature map, then learned edges between units.

In the spirit of ME-GraphAU (Luo et al. 2022, IJCAI, arXiv 2205.01782), which learns a node a unit and edges between
nodes. What differs is ours: attention of unit queries over positions makes the nodes, and one matrix for all pictures
holds the edges, a mean-field step of a pairwise model, so that they can be read as log-odds.
"""

import torch
from torch import nn

from affectzoo.labels.space import LabelSpace
from affectzoo.structures.prediction import PredictionField
from affectzoo.zoo.heads import AffectHeads


class AuRelation(nn.Module):
    """Logits (..., K) of K action units from features (..., D) and a feature map (..., P, C).

    Unit i attends to the P positions: h_i = norm(sum_p a_ip value_p + context(features)), a_i = softmax over p of
    <q_i, key_p + place_p> / sqrt(width). Its own evidence is u_i = <w_i, gelu(mix(h_i))> + b_i, and its answer

        logit_i = u_i + sum_{j != i} A_ij tanh(u_j / 2)

    where tanh(u / 2) = 2 sigmoid(u) - 1: a unit j that is surely there adds A_ij to the log-odds of i, one that is
    surely absent takes it away.
    """

    def __init__(self, dim: int, channels: int, positions: int, units: int, width: int = 64):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.key, self.value = nn.Linear(channels, width), nn.Linear(channels, width)
        self.place = nn.Parameter(0.02 * torch.randn(positions, width))
        self.query = nn.Parameter(torch.randn(units, width))
        self.context = nn.Linear(dim, width)
        self.node_norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)
        self.weight = nn.Parameter(torch.randn(units, width) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(units))
        self.edges = nn.Parameter(torch.zeros(units, units))

    def forward(self, features: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """See the class."""
        x = self.norm(maps)
        scores = self.query @ (self.key(x) + self.place).transpose(-1, -2) / self.query.shape[-1] ** 0.5
        nodes = self.node_norm(scores.softmax(-1) @ self.value(x) + self.context(features)[..., None, :])
        evidence = (nn.functional.gelu(self.mix(nodes)) * self.weight).sum(-1) + self.bias
        return evidence + torch.tanh(evidence / 2) @ self.matrix().T

    def matrix(self) -> torch.Tensor:
        """Edges A (K, K): row i, column j is what unit j adds to the log-odds of unit i; the diagonal is 0."""
        return self.edges - torch.diag(self.edges.diagonal())


class AuRelationHeads(AffectHeads):
    """AffectHeads whose action units come from `AuRelation`; `relate` gives them, forward the other fields.

    channels, positions: of the feature map; width: of a unit's embedding.
    """

    def __init__(
        self,
        dim: int,
        label_space: LabelSpace,
        channels: int,
        positions: int,
        width: int = 64,
        uncertainty: bool = False,
    ):
        super().__init__(dim, label_space, uncertainty)
        self.relation = None
        if "au" in self.linear:
            del self.linear["au"]
            self.relation = AuRelation(dim, channels, positions, label_space.size("au"), width)

    def relate(self, features: torch.Tensor, maps: torch.Tensor) -> dict[str, PredictionField]:
        """{'au': field}, or nothing where the space has no action units."""
        return {} if self.relation is None else {"au": self.field("au", self.relation(features, maps))}
