"""What a batch is asked: the model's own losses, or, when the training says so, more than those.

    extra_texts = 0    the model's contrastive loss over the batch's pairs
    extra_texts > 0    pictures against the batch's captions and further ones (`align/proxy.py`), at the
                       model's temperature
    image_contrast     plus so many times the contrast of pictures with pictures (`align/supcon.py`)

Parameters that only training needs live here and not in the model; the checkpoint keeps them.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.proxy import Proxy
from openautoglm.align.supcon import SupCon
from openautoglm.config import ConfigError, TrainConfig
from openautoglm.encoders.batch import Batch
from openautoglm.model import Embeds, OpenAutoGLM


class Objective(nn.Module):
    """The losses between the rows of a batch.

    Raises:
        ConfigError: if the model's loss cannot take what the training asks for.
    """

    def __init__(self, model: OpenAutoGLM, config: TrainConfig) -> None:
        super().__init__()
        self.weight = config.image_contrast
        self.supcon = SupCon() if config.image_contrast else None
        self.proxy: Proxy | None = None
        if config.extra_texts:
            wanted = {"loss": "infonce", "positives": "match", "queue_size": 0}
            for key, value in wanted.items():
                if (found := getattr(model.config, key)) != value:
                    raise ConfigError(
                        f"extra_texts {config.extra_texts} needs a model with {key} {value!r}, not {found!r}; "
                        "set extra_texts to 0 or change the model"
                    )
            self.proxy = Proxy()
            self.proxy.logit_scale = model.contrastive.logit_scale  # one temperature, the one that is saved

    def forward(
        self, model: OpenAutoGLM, image: Tensor, text: Tensor, batch: Batch, text_keys: Tensor
    ) -> dict[str, Tensor]:
        """Losses of `image` (B, D) and `text` (T, D), unit vectors, by name; their sum is to be minimised.

        Args:
            model: asked for its own loss where T = B.
            image: vectors of the pictures.
            text: vectors of the captions, those of the pictures first.
            batch: the B pairs; its tensors of pictures and tokens are not read.
            text_keys: (T, K).
        """
        keys = text_keys[: len(image)]
        if self.proxy is not None:
            losses = {"contrastive": self.proxy(image, text, keys, text_keys)}
        else:
            losses = model.loss_from_embeds(Embeds(image, text, None, None), batch)
        if self.supcon is not None:
            losses["pictures"] = self.weight * self.supcon(image, keys)
        return losses


def candidates(model: OpenAutoGLM, pictures: int, texts: int) -> float | None:
    """Among how many a guess of the contrastive loss chooses (geometric mean of both ways).

    None for a loss that is no choice among candidates, so that guessing has no known cost.
    """
    if not isinstance(model.contrastive, InfoNCE):
        return None
    queued = len(model.queue) if model.queue is not None else 0
    return math.sqrt((pictures + queued) * (texts + queued))
