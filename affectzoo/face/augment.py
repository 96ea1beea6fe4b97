"""Other views of the same face: at random in training, a fixed set whose answers are averaged in use."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.errors import AffectZooError

#: Shift to the right and down (shares of the side) and zoom of the views that are averaged, the picture itself first.
VIEWS = ((0, 0, 1.0), (0.03, 0, 1.0), (-0.03, 0, 1.0), (0, 0.03, 1.0), (0, -0.03, 1.0), (0, 0, 1.09), (0, 0, 0.93))


class FaceAugment(nn.Module):
    """Pictures (N, C, H, W) in 0 to 1, each mirrored, turned, scaled, shifted, relit and partly hidden at random.

    turn: largest angle in degrees; scale: largest log zoom; shift: largest shift as a share of the side; shear: largest
    shear; gamma: largest log exponent of the grey values; erase: share of pictures with one rectangle of their mean
    (after Zhong et al. 2017). Borders are continued. Every range is ours.
    """

    def __init__(
        self,
        turn: float = 12.0,
        scale: float = 0.12,
        shift: float = 0.08,
        shear: float = 0.1,
        gamma: float = 0.3,
        erase: float = 0.25,
    ):
        super().__init__()
        self.turn, self.scale, self.shift = turn, scale, shift
        self.shear, self.gamma, self.erase = shear, gamma, erase

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        n, like = len(x), {"device": x.device, "dtype": torch.float32}

        def spread(limit: float) -> torch.Tensor:
            return (torch.rand(n, **like) * 2 - 1) * limit

        angle = spread(self.turn * math.pi / 180)
        zoom, aspect, mirror = spread(self.scale).exp(), spread(0.4 * self.scale).exp(), spread(1.0).sign()
        matrix = torch.stack(
            [
                *(
                    angle.cos() * zoom * aspect * mirror,
                    spread(self.shear) - angle.sin() * zoom,
                    spread(2 * self.shift),
                ),
                *(angle.sin() * zoom * mirror, angle.cos() * zoom / aspect, spread(2 * self.shift)),
            ],
            -1,
        ).view(n, 2, 3)
        x = _warp(x.float(), matrix).clamp(1e-4, 1) ** spread(self.gamma).exp()[:, None, None, None]
        return self._erase(x)

    def _erase(self, x: torch.Tensor) -> torch.Tensor:
        """One rectangle of a tenth to four tenths of each side in a share of the pictures."""
        n, _, height, width = x.shape
        hit = torch.rand(n, 1, device=x.device) < self.erase

        def inside(length: int) -> torch.Tensor:
            size = length * (0.1 + 0.3 * torch.rand(n, 1, device=x.device))
            start = torch.rand(n, 1, device=x.device) * (length - size)
            place = torch.arange(length, device=x.device) + 0.5
            return (place > start) & (place < start + size)

        hidden = (inside(height) & hit)[:, None, :, None] & inside(width)[:, None, None, :]
        return torch.where(hidden, x.mean((1, 2, 3), keepdim=True), x)


def views_of(x: torch.Tensor, count: int) -> torch.Tensor:
    """The first `count` of VIEWS of pictures (N, C, H, W), each also mirrored: (2 count, N, C, H, W).

    count 0 gives the picture alone. Raises AffectZooError for more views than there are.
    """
    if not 0 <= count <= len(VIEWS):
        raise AffectZooError(f"views: must lie in 0 to {len(VIEWS)}, got {count}")
    if count == 0:
        return x[None]
    moves = [(mirror, *view) for view in VIEWS[:count] for mirror in (1, -1)]
    return torch.stack([_moved(x, *move) for move in moves])


def _moved(x: torch.Tensor, mirror: int, right: float, down: float, zoom: float) -> torch.Tensor:
    if (right, down, zoom) == (0, 0, 1.0):
        return x if mirror > 0 else x.flip(-1)
    matrix = x.new_tensor([[mirror / zoom, 0, -2 * mirror * right], [0, 1 / zoom, -2 * down]])
    return _warp(x, matrix.expand(len(x), 2, 3))


def _warp(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    grid = F.affine_grid(matrix.to(x), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)
