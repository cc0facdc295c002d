"""One vector of a whole row, as the model's own fusion makes it: for the index, for queries, for reports.

    picture, texts ─ the vectors that they have already ─┐
    columns ─ tower ─ projection ────────────────────────┴─ fuse.strategy, of what is there ─▶ (D,) unit

What is missing takes no part, whatever stands in its place; a row with a single modality keeps that one's
vector, to the bit. Without a strategy it is the unit mean. A strategy that reads tokens (`cross_attention`)
sees the picture and the first text again.

A model fuses rows (`Fusing.of`) only where the outcome is comparable with pictures and texts by cosine, and
was learned:

- its strategy leaves a lone modality's vector as it is (`Strategy.comparable`), or there is none;
- it has targets. Before any, gates and the columns tower are as chance made them.

In every other case a row's vector is the unit mean of its picture's and its texts', and columns take no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from openautoglm.catalog.images import BadImage
from openautoglm.catalog.threads import in_order
from openautoglm.evaluate.encoding import Encoder, Vectors

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.model import OpenAutoGLM


@runtime_checkable
class StandsFor(Protocol):
    """An encoder that has a whole model behind it."""

    @property
    def model(self) -> OpenAutoGLM:
        """Return it."""
        ...


@dataclass(frozen=True)
class Fusing:
    """How a model makes one vector of a row: `Fusing.of`, then `fuse`."""

    model: OpenAutoGLM
    columns: tuple[str, ...]
    """The columns that its tower reads."""

    @classmethod
    def of(cls, encoder: Encoder) -> Fusing | None:
        """Tell how; None where it is the unit mean of picture and texts."""
        model = whole_model(encoder)
        if model is None or why_not(model) is not None:
            return None
        columns = columns_of(model)
        learned = model.fuse is not None and next(model.fuse.parameters(), None) is not None
        return cls(model, columns) if columns or learned else None

    @property
    def reads_tokens(self) -> bool:
        """Whether pictures and texts are read again."""
        return self.model.fuse is not None and self.model.fuse.wants_tokens

    def there(self, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Tell which rows have a value in any column that the tower reads."""
        if not self.columns:
            return [False] * len(rows)
        found: list[bool] = self.model.processor.column_values(rows).there().tolist()
        return found

    def fuse(
        self,
        catalog: Catalog,
        rows: Sequence[Mapping[str, Any]],
        pictures: Sequence[Vectors | None],
        texts: Sequence[Vectors | None],
        *,
        batch_size: int = 64,
    ) -> list[Vectors | None]:
        """Fuse n rows → (D,) of unit length each; None for a row that has nothing.

        Args:
            catalog: where pictures are read again, if they must be.
            rows: mappings with the columns and, for strategies that read tokens, `id` and `texts`, a list.
            pictures: their pictures' vectors, None where there is none.
            texts: their texts' vectors, of several the unit mean.
            batch_size: rows a forward pass.
        """
        there = self.there(rows)
        columns: list[Vectors | None] = [None] * len(rows)
        having = [place for place, has in enumerate(there) if has]
        if having:
            encoded = self.model.encode(columns=[rows[place] for place in having], batch_size=batch_size)
            for place, vector in zip(having, encoded, strict=True):
                columns[place] = vector
        each = [[picture, text, row] for picture, text, row in zip(pictures, texts, columns, strict=True)]
        parts = [[one for one in three if one is not None] for three in each]
        # A lone vector is not touched: to bring it to length 1 again would move its last bit.
        fused: list[Vectors | None] = [part[0] if len(part) == 1 else None for part in parts]
        several = [place for place, part in enumerate(parts) if len(part) > 1]
        if not several:
            return fused
        if self.reads_tokens:
            made = self._read_again(
                catalog, [rows[place] for place in several], [each[p] for p in several], batch_size
            )
        else:
            made = self.of_vectors([each[place] for place in several])
        for place, vector in zip(several, made, strict=True):
            fused[place] = vector
        return fused

    def of_vectors(self, each: Sequence[Sequence[Vectors | None]]) -> Vectors:
        """Fuse n rows' vectors, in the order of `MODALITIES`, None where absent → (n, D)."""
        import torch
        from torch.nn import functional

        from openautoglm.fuse.mean_pool import MeanPool

        size = self.model.config.embed_dim
        strategy = self.model.fuse or MeanPool(size, len(each[0]))
        each = [row[: strategy.modalities] for row in each]
        present = torch.tensor([[one is not None for one in row] for row in each])
        nothing = np.zeros(size, np.float32)
        pooled = torch.from_numpy(
            np.stack([[nothing if one is None else one for one in row] for row in each])
        )
        device = self.model.contrastive.logit_scale.device
        with torch.inference_mode():
            fused = functional.normalize(strategy(pooled.to(device), present.to(device)).embeds, dim=-1)
        return np.asarray(fused.float().cpu().numpy())

    def _read_again(
        self,
        catalog: Catalog,
        rows: Sequence[Mapping[str, Any]],
        each: Sequence[Sequence[Vectors | None]],
        batch_size: int,
    ) -> Vectors:
        """Fuse rows by what the towers say of them token by token."""

        def load(row: Mapping[str, Any]) -> Any:
            try:
                return self.model.prepare(catalog.load_image(row))
            except BadImage:
                return None

        parts = []
        for start in range(0, len(rows), batch_size):
            some, vectors = rows[start : start + batch_size], each[start : start + batch_size]
            wanted = [row["id"] for row, (one, _, _) in zip(some, vectors, strict=True) if one is not None]
            stored = catalog.read(["id", "_image", "_image_bytes"], ids=wanted).to_pylist() if wanted else []
            seen = dict(zip(wanted, in_order(load, stored), strict=True))
            images: Any = [seen.get(row["id"]) for row in some]
            texts: Any = [row["texts"][0] if row["texts"] else None for row in some]
            columns = [dict(row) for row in some] if self.columns else None
            parts.append(self.model.encode(images, texts, batch_size, columns))
        return np.concatenate(parts)


def whole_model(encoder: Encoder) -> OpenAutoGLM | None:
    """Return the model behind an encoder; None where that has none, as a text tower alone."""
    from openautoglm.model import OpenAutoGLM

    found = encoder.model if isinstance(encoder, StandsFor) else encoder
    return found if isinstance(found, OpenAutoGLM) else None


def columns_of(model: OpenAutoGLM) -> tuple[str, ...]:
    """Name the columns that a model's tower reads."""
    return () if model.columns is None or model.processor.columns is None else model.processor.columns.names


def why_not(model: OpenAutoGLM) -> str | None:
    """Tell why the model's own fusion makes no vectors that searches can use; None where it does."""
    if model.fuse is not None and not model.fuse.comparable:
        return f"its fusion, {model.config.fusion_strategy!r}, leads elsewhere than pictures and texts lie"
    if not model.heads.targets:
        return "it has no targets, from which fusion and the reading of columns are learned"
    return None
