"""Varies training pictures so that what is drawn is learned, and not how it is drawn.

A picture comes with its alpha, as uint8 (B, 4, S, S), and leaves as RGB in 0..1 on a background, at
the size the model is to see. Everything works on chunks of pictures that fit the processor's cache,
which on two cores is about six times faster than the whole batch at once. In order:

    thickness   local minimum or maximum of the colours: lines grow or vanish
    colour      a random 3 x 3 matrix (hue, saturation, mixture of channels, grey) and an offset
    shape       rotation, scale, stretch, shear, shift, perspective and an elastic field: one resampling
    shading     the alpha's soft interior taken as a relief and lit from a side, plus a smooth field of
                light: flat drawings get volume
    blur        a 3 x 3 binomial filter
    background  one colour behind the alpha
    erasing     one rectangle in one colour

Colours are premultiplied by alpha until the background is known, so that no fringe of a hidden colour
appears. Pictures are never mirrored: left and right arrows differ. All randomness comes from the
generator that is passed in, a processor's on every device, so that a GPU varies pictures as a CPU would.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from openautoglm.config import AugmentConfig

CHUNK = 64
"""Pictures worked on at a time."""
ELASTIC_GRID = 5
"""Support points a side of the elastic field and of the field of light."""
GREY = (0.299, 0.587, 0.114)


class Augment:
    """Random pictures from RGBA ones.

    Args:
        config: how strong each change is.
        size: height and width of what comes out.

    >>> augment = Augment(AugmentConfig(), size=8)
    >>> augment(torch.zeros(2, 4, 16, 16, dtype=torch.uint8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(self, config: AugmentConfig, size: int) -> None:
        self.config = config
        self.size = size

    def __call__(self, rgba: Tensor, generator: Generator, strength: float = 1.0) -> Tensor:
        """(B, 3, size, size) float in 0..1 from (B, 4, S, S) uint8.

        `strength` scales every deviation and probability: a young model learns faster from tamer pictures.
        The work is done, and the result lies, where `rgba` lies; `generator` is a CPU's.
        """
        if rgba.ndim != 4 or rgba.shape[1] != 4 or rgba.dtype != torch.uint8:
            raise ValueError(f"pictures are {tuple(rgba.shape)} {rgba.dtype}; expected (B, 4, S, S) uint8")
        config = _scaled(self.config, strength)
        with rgba.device:  # where the constants are made
            chunks = [self._chunk(part, config, _Dice(len(part), generator)) for part in rgba.split(CHUNK)]
            return torch.cat(chunks) if chunks else torch.empty(0, 3, self.size, self.size)

    def _chunk(self, rgba: Tensor, c: AugmentConfig, dice: _Dice) -> Tensor:
        picture = rgba.float().div_(255)
        if 2 * self.size <= picture.shape[-1]:
            # Bilinear resampling reads 2 x 2 pixels, so a stronger reduction has to average first.
            picture = F.avg_pool2d(picture, picture.shape[-1] // self.size)
        picture[:, :3] *= picture[:, 3:]
        picture = _thickness(picture, dice.chance(c.thickness), dice)
        picture[:, :3] = _colour(picture, c, dice)
        picture = F.grid_sample(picture, self._grid(c, dice), align_corners=False)
        colour, alpha = picture[:, :3], picture[:, 3:]
        colour = _shading(colour, alpha, c.shading, dice)
        ground = _ground(c, dice)
        # Over the background: what the alpha leaves free is filled.
        flat = colour + (1 - alpha) * ground
        flat = _blur(flat, dice.chance(c.blur))
        flat = _erase(flat, c.erasing, dice)
        return flat.clamp_(0, 1)

    def _grid(self, c: AugmentConfig, dice: _Dice) -> Tensor:
        """(n, size, size, 2) where each pixel is taken from."""
        angle = dice.normal(1) * c.rotation * math.pi / 180
        stretch = torch.exp(dice.normal(2) * c.stretch + dice.normal(1) * c.scale)
        shear = dice.normal(1) * c.shear
        cos, sin = angle.cos(), angle.sin()
        turn = torch.stack([cos, -sin, sin, cos], 2).view(-1, 2, 2)
        lean = torch.eye(2).repeat(dice.rows, 1, 1)
        lean[:, 0, 1] = shear[:, 0]
        matrix = turn @ lean * stretch[:, None, :]
        line = (torch.arange(self.size) + 0.5) / self.size * 2 - 1
        at = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
        at = at @ matrix.transpose(1, 2)
        # A tilt in depth: the divisor grows across the picture.
        depth = 1 + (at * (dice.normal(2) * c.perspective)[:, None, :]).sum(-1, keepdim=True)
        at = at / depth.clamp(min=0.5) + (dice.normal(2) * c.shift)[:, None, :]
        at = at.view(-1, self.size, self.size, 2)
        return at + dice.field(2, self.size).permute(0, 2, 3, 1) * c.elastic


def _scaled(config: AugmentConfig, strength: float) -> AugmentConfig:
    """Every deviation and probability times `strength`."""
    values = config.as_dict()
    return config.changed(
        **{name: value * strength for name, value in values.items() if name != "background_level"}
    )


class _Dice:
    """Random numbers for a chunk, one row a picture, drawn by the CPU's generator for the device in use."""

    def __init__(self, rows: int, generator: Generator) -> None:
        self.rows = rows
        self._generator = generator
        self._device = torch.get_default_device()

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(self.rows, *shape, generator=self._generator, device="cpu").to(self._device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.rows, *shape, generator=self._generator, device="cpu").to(self._device)

    def chance(self, probability: float) -> Tensor:
        """(n, 1, 1, 1) bool."""
        return self.uniform(1, 1, 1) < probability

    def field(self, channels: int, size: int) -> Tensor:
        """(n, channels, size, size) smooth noise."""
        coarse = self.normal(channels, ELASTIC_GRID, ELASTIC_GRID)
        return F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)


def _thickness(picture: Tensor, chosen: Tensor, dice: _Dice) -> Tensor:
    """Half of the chosen pictures get thicker dark lines, half lose their thin ones."""
    rows = chosen.flatten().nonzero().flatten()
    if len(rows) == 0:
        return picture
    sign = torch.where(dice.uniform(1, 1, 1) < 0.5, 1.0, -1.0)[rows]
    some = picture[rows]
    some[:, :3] = sign * F.max_pool2d(sign * some[:, :3], 3, 1, 1)
    # The maximum next to the edge may exceed the alpha there; premultiplied colours cannot.
    some[:, :3] = some[:, :3].minimum(some[:, 3:])
    return picture.index_copy(0, rows, some)


def _colour(picture: Tensor, c: AugmentConfig, dice: _Dice) -> Tensor:
    """Map the colours of each picture linearly, with an offset where it is opaque."""
    grey = torch.tensor(GREY).expand(3, 3)
    # Rotation about the grey axis (Rodrigues), which turns hues and keeps greys.
    angle = (dice.normal(1, 1) * c.hue * math.pi).clamp(-math.pi, math.pi)
    third, cross = (
        torch.full((3, 3), 1 / 3),
        torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3),
    )
    matrix = angle.cos() * (torch.eye(3) - third) + angle.sin() * cross + third
    saturation = torch.exp(dice.normal(1, 1) * c.saturation)
    saturation = torch.where(dice.uniform(1, 1) < c.grey, 0.0, saturation)
    matrix = (saturation * torch.eye(3) + (1 - saturation) * grey) @ matrix
    matrix = (matrix + dice.normal(3, 3) * c.mixture) * torch.exp(dice.normal(1, 1) * c.contrast)
    offset = dice.normal(1, 1) * c.brightness + dice.normal(3, 1) * c.tint
    # Contrast turns about the middle grey.
    offset = offset + 0.5 * (1 - matrix.sum(2, keepdim=True))
    n, _, height, width = picture.shape
    flat = picture.flatten(2)
    mapped = torch.baddbmm(offset * flat[:, 3:], matrix, flat[:, :3])
    return mapped.view(n, 3, height, width).clamp_(min=0).minimum(picture[:, 3:])


def _shading(colour: Tensor, alpha: Tensor, strength: float, dice: _Dice) -> Tensor:
    """Light from a random side on the relief that the blurred alpha makes, and a smooth field of light."""
    size = colour.shape[-1]
    if strength == 0:
        return colour
    radius = max(size // 12, 1)
    window = 2 * radius + 1
    relief = alpha
    for _ in range(2):
        relief = F.avg_pool2d(relief, window, 1, radius, count_include_pad=False)
    relief = F.pad(relief, (1, 1, 1, 1), mode="replicate")
    slope = torch.cat(
        [relief[..., 1:-1, 2:] - relief[..., 1:-1, :-2], relief[..., 2:, 1:-1] - relief[..., :-2, 1:-1]], 1
    )
    direction = F.normalize(dice.normal(2, 1, 1), dim=1)
    lit = (slope * direction).sum(1, keepdim=True) * (size / 8)
    light = lit * dice.normal(1, 1, 1) + 0.5 * dice.field(1, size)
    gleam = (lit - 0.3).clamp(min=0) * dice.uniform(1, 1, 1)
    return torch.minimum(
        (colour * torch.exp(light * strength) + gleam * strength * alpha).clamp_(min=0), alpha
    )


def _ground(c: AugmentConfig, dice: _Dice) -> Tensor:
    """(n, 3, 1, 1) the colour behind: the usual one, or any."""
    anything = dice.uniform(3, 1, 1)
    return torch.where(dice.chance(c.background), anything, c.background_level)


def _blur(flat: Tensor, chosen: Tensor) -> Tensor:
    rows = chosen.flatten().nonzero().flatten()
    if len(rows) == 0:
        return flat
    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    padded = F.pad(flat[rows], (1, 1, 1, 1), mode="replicate")
    return flat.index_copy(0, rows, F.conv2d(padded, kernel, groups=3))


def _erase(flat: Tensor, probability: float, dice: _Dice) -> Tensor:
    """Fill a rectangle of 15 to 45 % of each side with one colour."""
    size = flat.shape[-1]
    half = (0.075 + 0.15 * dice.uniform(2)) * size
    centre = dice.uniform(2) * size
    line = torch.arange(size) + 0.5
    inside = (line - centre[..., None]).abs() < half[..., None]
    hole = inside[:, 0, None, :, None] & inside[:, 1, None, None, :] & dice.chance(probability)
    return torch.where(hole, dice.uniform(3, 1, 1), flat)
