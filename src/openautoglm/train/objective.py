"""What a batch is asked: the model's own contrastive loss, and what the training adds to it.

    loss = contrastive  +  proxy · Proxy  +  image_contrast · SupCon

Proxy draws pictures and captions to one learned vector a group (`align/proxy.py`), SupCon pictures of a group
to each other (`align/supcon.py`). Their parameters serve training only: they live here and in the
checkpoint, not in the model.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.proxy import Proxy
from openautoglm.align.supcon import SupCon
from openautoglm.config import TrainConfig
from openautoglm.encoders.batch import Batch
from openautoglm.fuse.embeds import Embeds
from openautoglm.model import OpenAutoGLM
from openautoglm.tasks.heads import loss_name
from openautoglm.train.batches import Chunk
from openautoglm.train.data import TrainingData

MOST_CLASSES = 65_536
"""Groups above which there are no proxies: to tell all apart at each step would cost more than it brings."""


class Objective(nn.Module):
    """The losses between the rows of a batch.

    Args:
        config: says which losses, and their weights.
        dim: length D of an embedding.
        classes: number of groups in the data.
    """

    def __init__(self, config: TrainConfig, dim: int, classes: int) -> None:
        super().__init__()
        self.config = config
        self.proxy = Proxy(classes, dim) if config.proxy and classes <= MOST_CLASSES else None
        self.supcon = SupCon() if config.image_contrast else None

    @property
    def names(self) -> list[str]:
        """Names of the losses that `forward` gives."""
        added = {"proxy": self.proxy, "pictures": self.supcon}
        return ["contrastive", *(name for name, loss in added.items() if loss is not None)]

    def forward(
        self,
        model: OpenAutoGLM,
        image: Tensor,
        text: Tensor,
        pairs: Batch,
        classes: Tensor,
        tokens: Sequence[Tensor] = (),
    ) -> dict[str, Tensor]:
        """Losses by name, of unit vectors; their weighted sum (`train/weights/`) is to be minimised.

        Args:
            model: asked for its own loss.
            image: (B, D).
            text: (T, D), those of the pictures first.
            pairs: the B rows; only who is present and the keys are read.
            classes: (T,) group of each text.
            tokens: as `model.loss_from_embeds` takes them.
        """
        rows = len(image)
        losses = model.loss_from_embeds(Embeds(image, text[:rows], None, None), pairs, tokens)
        if self.proxy is not None:
            losses["proxy"] = self.config.proxy * self.proxy(image, classes[:rows], text, classes)
        if self.supcon is not None:
            losses["pictures"] = self.config.image_contrast * self.supcon(image, pairs.keys)
        return losses


def views(model: OpenAutoGLM, chunk: Chunk) -> list[Tensor | None]:
    """What the losses between rows read of some rows, each with a line a row, as the gradient cache keeps it.

    Embeddings of images and of texts; where matching is learned, also the tokens and masks that
    `model.loss_from_embeds` takes. None for what needs a picture, of a chunk of texts alone.
    """
    reader = model.decoder if model.text is None else model.text
    assert reader is not None, "the configuration has refused a model without a text tower"
    seen = None if chunk.pixel_values is None else model.vision(chunk.pixel_values)
    read = reader(chunk.input_ids, chunk.attention_mask)
    found = [
        None if seen is None else model.project("image", seen.pooled),
        model.project("text", read.pooled),
    ]
    if model.matches:
        found += [*((None, None) if seen is None else (seen.tokens, seen.mask)), read.tokens, read.mask]
    # The losses are taken in full precision: similarities differ in the digits that bf16 lacks.
    return [part.float() if part is not None and part.is_floating_point() else part for part in found]


def aligns(data: TrainingData, model: OpenAutoGLM, objective: Objective, config: TrainConfig) -> bool:
    """Whether there are pairs to compare, and a loss of weight to compare them by."""
    names = [*objective.names, *row_loss_names(model)]
    weighty = any(config.loss_weights.get(name, 1.0) > 0 for name in names)
    return weighty and data.aligned


def candidates(model: OpenAutoGLM, rows: int) -> int | None:
    """Among how many the contrastive loss chooses; None for a loss that is no such choice."""
    if not isinstance(model.contrastive, InfoNCE):
        return None
    return rows + (len(model.queue) if model.queue is not None else 0)


def row_loss_names(model: OpenAutoGLM) -> list[str]:
    """Names of the losses that do not pass through the embeddings alone, beside those of `Objective`."""
    return ["matching"] * model.matches + ["captioning"] * model.writes_captions


def target_loss_names(model: OpenAutoGLM) -> list[str]:
    """Names of the heads' losses."""
    return [loss_name(target) for target in model.heads.targets]
