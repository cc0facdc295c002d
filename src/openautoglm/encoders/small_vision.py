"""A small convolutional picture tower that learns from some thousand pictures on two cores.

    stem     5 x 5 convolution, stride 2                           (B, w1, S/2, S/2)
    stage i  residual blocks of two 3 x 3 convolutions of width wi, each stage after the first halves the map
    pooled   mean of the last map + its maximum                    (B, d), d the last width
    tokens   the last map's places, row by row                     (B, L, d)

Convolutions at the stem know from the start that neighbouring pixels belong together, which a
transformer would have to learn from far more pictures than a small catalogue holds. The halving stem
makes the widths affordable: few wide layers use a processor's matrix units better than many thin ones.
Any input size of 16 pixels or more works, so training may begin small.

While training, `style_mix` exchanges the statistics of feature maps between pictures (MixStyle, Zhou et
al., 2021, arXiv:2104.02008): mean and deviation of a map tell how something is drawn rather than what.

Blocks: He et al., 2016, arXiv:1512.03385, with the average-pooling shortcut of arXiv:1812.01187.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from openautoglm.encoders.encoded import Encoded


class SmallVision(nn.Module):
    """Picture tower of residual blocks.

    Args:
        widths: channels of each stage.
        depths: residual blocks of each stage.
        style_mix: probability that a picture's style is mixed with another's, while training.

    >>> tower = SmallVision(widths=(8, 16), depths=(1, 1))
    >>> tower(torch.zeros(2, 3, 16, 16)).tokens.shape
    torch.Size([2, 16, 16])
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256),
        depths: Sequence[int] = (2, 2, 2),
        style_mix: float = 0.1,
    ) -> None:
        super().__init__()
        if not widths or len(widths) != len(depths):
            raise ValueError(
                f"widths {list(widths)} and depths {list(depths)} need one entry a stage, at least one"
            )
        self.dim = widths[-1]
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(True),
        )
        self.stages = nn.ModuleList()
        before = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks = []
            for block in range(depth):
                blocks.append(Block(before, width, stride=2 if stage and not block else 1))
                before = width
            self.stages.append(nn.Sequential(*blocks))
        self.norm = nn.BatchNorm1d(self.dim)
        self.style_mix = StyleMix(style_mix)
        # Channels last is the layout in which convolutions run fastest on CPUs and in half precision on GPUs.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixel_values: Tensor) -> Encoded:
        """Encode (B, 3, H, W)."""
        found = self.stem(pixel_values.contiguous(memory_format=torch.channels_last))
        for number, stage in enumerate(self.stages):
            found = stage(found)
            if number < len(self.stages) - 1:
                found = self.style_mix(found)
        tokens = found.flatten(2).transpose(1, 2)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return Encoded(tokens, self._normalise(tokens.mean(1) + tokens.amax(1)), mask)

    def _normalise(self, pooled: Tensor) -> Tensor:
        """Normalise by the batch, (B, d); a lone picture, which has no spread, by those before it."""
        if len(pooled) > 1 or not self.training:
            normalised: Tensor = self.norm(pooled)
            return normalised
        norm = self.norm
        return functional.batch_norm(pooled, norm.running_mean, norm.running_var, norm.weight, norm.bias)


class Block(nn.Module):
    """y = relu(conv(relu(conv(x))) + shortcut(x)), each convolution followed by batch normalisation."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(before, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)
        )
        last = nn.BatchNorm2d(width)
        # Each block starts as its shortcut, which lets a deep tower learn from the first step on.
        nn.init.zeros_(last.weight)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), last)
        shrink = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        same = before == width and stride == 1
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(shrink, nn.Conv2d(before, width, 1, bias=False))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) → (B, width, H/stride, W/stride)."""
        return torch.relu_(self.second(self.first(x)).add_(self.shortcut(x)))


class StyleMix(nn.Module):
    """Gives some pictures' maps the mean and deviation between their own and another picture's.

    Random numbers are drawn from torch's own generator, so that a replay of its state replays them.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability <= 1:
            raise ValueError(f"style_mix {probability} is not a probability; choose 0 to 1")
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape; outside training `x` itself."""
        if not self.training or self.probability == 0:
            return x
        mean = x.mean((2, 3), keepdim=True).detach()
        deviation = (x.square().mean((2, 3), keepdim=True).detach() - mean.square()).clamp(
            min=0
        ).sqrt() + 1e-3
        other = torch.randperm(len(x), device=x.device)
        share = torch.rand(len(x), 1, 1, 1, device=x.device, dtype=x.dtype)
        share = share * (torch.rand_like(share) < self.probability)
        new_mean = torch.lerp(mean, mean[other], share)
        share = share.to(deviation.dtype)  # autocast on a GPU takes the statistics in float32
        scale = torch.lerp(deviation, deviation[other], share) / deviation
        return torch.addcmul(new_mean - mean * scale, x, scale)
