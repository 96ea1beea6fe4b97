"""face_resnet: a small residual network for faces of about 48 pixels, registered with timm under that name.

timm's own networks halve a picture five times, which leaves 2 x 2 positions of a face of 48 pixels; this one halves it
three times. Architecture: ours, after He et al. 2016 (residual blocks), Hu et al. 2018 (squeeze and excitation) and
He et al. 2019 (a shortcut that averages before it halves).
"""

import torch
from timm.layers import DropPath, SelectAdaptivePool2d
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

_REDUCTION = 8  # of squeeze and excitation


class FaceResNet(nn.Module):
    """Pictures (N, in_chans, H, W) -> features (N, num_features) when num_classes is 0, else logits (N, num_classes).

    width: channels of the first of three stages (the others have 2 and 4 times as many); depth: blocks a stage;
    drop_path_rate: of the last block, growing linearly (Huang et al. 2016). The interface is timm's.
    """

    def __init__(
        self,
        num_classes: int = 0,
        in_chans: int = 3,
        width: int = 32,
        depth: int = 2,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        global_pool: str = "avg",
    ):
        super().__init__()
        self.stem = nn.Sequential(
            *(nn.Conv2d(in_chans, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        )
        rates = torch.linspace(0, drop_path_rate, 3 * depth).tolist()
        blocks, inside = [], width
        for stage, outside in enumerate((width, 2 * width, 4 * width)):
            for i in range(depth):
                halve = stage > 0 and i == 0
                blocks.append(ResidualBlock(inside, outside, halve, rates[len(blocks)]))
                inside = outside
        self.blocks = nn.Sequential(*blocks)
        self.num_features = self.head_hidden_size = inside
        self.drop = nn.Dropout(drop_rate)
        self.reset_classifier(num_classes, global_pool)

    def reset_classifier(self, num_classes: int, global_pool: str = "avg") -> None:
        """Another number of classes, or none (0)."""
        self.num_classes = num_classes
        self.global_pool = SelectAdaptivePool2d(pool_type=global_pool, flatten=True)
        self.fc = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.fc

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Maps (N, num_features, H / 8, W / 8), each side rounded up."""
        return self.blocks(self.stem(x))

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Pooled features, and what the classifier makes of them."""
        x = self.drop(self.global_pool(x))
        return x if pre_logits else self.fc(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return self.forward_head(self.forward_features(x))


class ResidualBlock(nn.Module):
    """conv-norm-relu-conv-norm, reweighted by channel, plus a shortcut; the branch starts small."""

    def __init__(self, inside: int, outside: int, halve: bool, drop_path: float):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inside, outside, 3, 2 if halve else 1, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        nn.init.constant_(self.branch[-1].weight, 0.2)  # not 0, which no gradient would pass
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(outside, max(outside // _REDUCTION, 1), 1),
            nn.ReLU(),
            nn.Conv2d(max(outside // _REDUCTION, 1), outside, 1),
            nn.Sigmoid(),
        )
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.shortcut = nn.Identity()
        if halve or inside != outside:
            # Averaged, then 1 x 1 without a stride: see affectzoo.speech.models.logmel_cnn on the strided one.
            pool = nn.AvgPool2d(2, ceil_mode=True) if halve else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        y = self.branch(x)
        return torch.relu(self.shortcut(x) + self.drop_path(y * self.excite(y)))


default_cfgs = generate_default_cfgs({"face_resnet.untrained": {"input_size": (3, 48, 48), "num_classes": 0}})


@register_model
def face_resnet(pretrained: bool = False, **options) -> FaceResNet:
    """timm.create_model('face_resnet', ...)."""
    return build_model_with_cfg(FaceResNet, "face_resnet", pretrained, **options)
