"""Rows → vectors: what an evaluation and an index need of a model, and nothing more.

Any object that encodes pictures and texts into one space of unit vectors and can name itself is an
`Encoder`; `OpenAutoGLM` is one. A few pictures at a time are decoded in threads ahead of the model, so that
all cores work and memory does not grow with the catalogue; a broken picture is left out and named
instead of ending the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openautoglm.catalog.images import BadImage
from openautoglm.catalog.threads import in_order

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

Vectors = NDArray[np.float32]
Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


class Encoder(Protocol):
    """Pictures and texts → (N, D) float32 of unit length."""

    def encode(
        self,
        images: Sequence[Image.Image] | None = None,
        texts: Sequence[str] | None = None,
        batch_size: int = 64,
    ) -> Vectors:
        """Encode either pictures or texts."""
        ...

    def fingerprint(self) -> str:
        """Return a name that changes whenever the vectors could."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """An encoder that lets single pictures be brought to its size beforehand, in threads."""

    @property
    def enough(self) -> int:
        """Pixels of a picture's shorter side that suffice."""
        ...

    def prepare(self, image: Image.Image) -> Any:
        """Return what `encode` takes in place of the picture."""
        ...


class Broken(NamedTuple):
    """A picture that could not be read."""

    id: str
    reason: str


class EncodedPictures(NamedTuple):
    """The vectors of the pictures that could be read."""

    vectors: Vectors
    """(n, D)"""
    kept: NDArray[np.int64]
    """(n,) positions in the ids that were asked for"""
    broken: list[Broken]


def encode_pictures(
    model: Encoder,
    catalog: Catalog,
    ids: Sequence[str],
    *,
    batch_size: int = 64,
    tell: Tell | None = None,
) -> EncodedPictures:
    """Encode the pictures of the rows `ids`."""

    def rows() -> Iterator[dict[str, Any]]:
        for start in range(0, len(ids), batch_size):
            wanted = ids[start : start + batch_size]
            yield from catalog.read(["_image", "_image_bytes"], ids=wanted).to_pylist()

    def load(row: dict[str, Any]) -> Any:
        try:
            if isinstance(model, Prepares):
                return model.prepare(catalog.load_image(row, model.enough))
            return catalog.load_image(row)
        except BadImage as error:
            return error

    parts: list[Vectors] = []
    kept: list[int] = []
    broken: list[Broken] = []
    images: list[Any] = []
    for place, image in enumerate(in_order(load, rows())):
        if isinstance(image, BadImage):
            broken.append(Broken(ids[place], image.reason))
        else:
            images.append(image)
            kept.append(place)
        last = place + 1 == len(ids)
        if images and (last or len(images) == batch_size):
            parts.append(np.asarray(model.encode(images=images, batch_size=batch_size), np.float32))
            images = []
        if tell and (last or (place + 1) % batch_size == 0):
            tell("pictures", place + 1, len(ids))
    return EncodedPictures(_joined(parts), np.array(kept, np.int64), broken)


def encode_captions(
    model: Encoder, texts: Sequence[str], *, batch_size: int = 64, tell: Tell | None = None
) -> Vectors:
    """Encode texts → (N, D)."""
    parts: list[Vectors] = []
    step = batch_size * 16
    for start in range(0, len(texts), step):
        part = model.encode(texts=list(texts[start : start + step]), batch_size=batch_size)
        parts.append(np.asarray(part, np.float32))
        if tell:
            tell("texts", min(start + step, len(texts)), len(texts))
    return _joined(parts)


def _joined(parts: list[Vectors]) -> Vectors:
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
