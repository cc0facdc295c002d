"""How a picture becomes a square of pixels, and a square of pixels the numbers a vision tower expects.

The geometry happens in Pillow, byte for byte as the image processors of `transformers` do it there, so a
pretrained tower sees what it was trained on. Transparency is kept until the end, since training puts other
backgrounds behind it; otherwise `background` is what shows through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from openautoglm.config import ConfigError

Crop = Literal["squash", "center"]

HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_WHITE = (255, 255, 255)
# Image processors that understand a plain number as the length of the shorter side.
_SHORTEST_SIDE_TYPES = ("CLIP", "ChineseCLIP", "ConvNext", "Bit")


@dataclass(frozen=True)
class ImageSettings:
    """From a picture of any size to (3, size, size).

    >>> settings = ImageSettings(size=2)
    >>> settings.frame(Image.new("RGB", (40, 20), "red")).size
    (2, 2)
    """

    size: int
    crop: Crop = "squash"
    """"squash" changes the sides' proportion; "center" keeps it and cuts the longer side's ends off."""
    shortest: int | None = None
    """For "center": length of the shorter side before cutting; without one, `size`."""
    resample: int = Image.Resampling.BICUBIC.value
    mean: tuple[float, float, float] = HALF
    std: tuple[float, float, float] = HALF
    background: tuple[int, int, int] = _WHITE

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        read: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**read)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_transformers(cls, values: Mapping[str, Any], where: str) -> Self:
        """Read a `preprocessor_config.json`; `where` names it in errors."""
        kind = str(values.get("image_processor_type", values.get("feature_extractor_type", "")))
        size, crop = values.get("size", 224), values.get("crop_size", {})
        if isinstance(size, int):
            shortest_side = kind.startswith(_SHORTEST_SIDE_TYPES)
            size = {"shortest_edge": size} if shortest_side else {"height": size, "width": size}
        if isinstance(crop, int):
            crop = {"height": crop, "width": crop}
        normalise = values.get("do_normalize", True)
        common: dict[str, Any] = {
            "resample": int(values.get("resample", Image.Resampling.BICUBIC)),
            "mean": tuple(values.get("image_mean", HALF)) if normalise else (0.0, 0.0, 0.0),
            "std": tuple(values.get("image_std", HALF)) if normalise else (1.0, 1.0, 1.0),
        }
        final = crop if values.get("do_center_crop") else size
        if final.get("height") != final.get("width") or not values.get("do_resize", True):
            raise ConfigError(f"{where}: pictures become {final}; only squares of one size can be a batch")
        if "height" in size:
            return cls(size=size["height"], **common)
        shortest = int(size["shortest_edge"])
        if kind.startswith("ConvNext"):  # has its own rule: at 384 and above, nothing is cut off
            if shortest >= 384:
                return cls(size=shortest, **common)
            before = int(shortest / values.get("crop_pct", 224 / 256))
            return cls(size=shortest, crop="center", shortest=before, **common)
        if "height" not in final:
            raise ConfigError(
                f"{where}: pictures keep their proportion; only squares of one size can be a batch"
            )
        return cls(size=final["height"], crop="center", shortest=shortest, **common)

    @property
    def enough(self) -> int:
        """Pixels of a picture's shorter side beyond which more change nothing that a tower sees.

        Twice what `frame` makes of it: the resampling then still averages over neighbours as it would have.
        """
        return 2 * max(self.size, self.shortest or 0)

    @property
    def recipe(self) -> str:
        """Names everything that `frame` depends on, for caches of framed pictures."""
        return f"{self.crop}-{self.shortest or self.size}-{self.size}-{self.resample}"

    def frame(self, image: Image.Image) -> Image.Image:
        """The picture as RGBA of `size` × `size`; opaque pictures have alpha 255 everywhere."""
        # A picture without transparency is resized as RGB: the same bytes as in `transformers`.
        see_through = image.has_transparency_data
        mode = "RGBA" if see_through else "RGB"
        image = image if image.mode == mode else image.convert(mode)
        if self.crop == "squash":
            return image.resize((self.size, self.size), self.resample).convert("RGBA")
        shortest = self.shortest or self.size
        width, height = image.size
        if width <= height:
            width, height = shortest, int(shortest * height / width)
        else:
            width, height = int(shortest * width / height), shortest
        left, top = (width - self.size) // 2, (height - self.size) // 2
        resized = image.resize((width, height), self.resample)
        return resized.crop((left, top, left + self.size, top + self.size)).convert("RGBA")

    def rgb(self, frames: list[Image.Image]) -> Tensor:
        """(B, 3, size, size) in 0 … 1 from framed pictures, `background` behind what is transparent."""
        rgba = torch.from_numpy(np.stack([np.asarray(frame) for frame in frames])).permute(0, 3, 1, 2)
        colour = rgba[:, :3] / 255.0
        if bool((rgba[:, 3] == 255).all()):
            return colour
        alpha = rgba[:, 3:] / 255.0
        behind = torch.tensor(self.background).view(1, 3, 1, 1) / 255.0
        return torch.where(alpha == 1, colour, colour * alpha + behind * (1 - alpha))

    def normalise(self, rgb: Tensor) -> Tensor:
        """(B, 3, H, W) in 0 … 1 → what the tower expects."""
        mean = torch.tensor(self.mean, device=rgb.device, dtype=rgb.dtype).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=rgb.device, dtype=rgb.dtype).view(1, 3, 1, 1)
        return (rgb - mean) / std
