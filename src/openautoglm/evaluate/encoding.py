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
    """Encode the pictures of the rows `ids`; a video's vector is the mean direction of its frames'."""

    def rows() -> Iterator[dict[str, Any]]:
        for start in range(0, len(ids), batch_size):
            wanted = ids[start : start + batch_size]
            yield from catalog.read(["_image", "_image_bytes"], ids=wanted).to_pylist()

    def load(row: dict[str, Any]) -> list[Any] | BadImage:
        try:
            if isinstance(model, Prepares):
                return [model.prepare(frame) for frame in catalog.load_frames(row, model.enough)]
            return list(catalog.load_frames(row))
        except BadImage as error:
            return error

    parts: list[Vectors] = []
    kept: list[int] = []
    counts: list[int] = []
    broken: list[Broken] = []
    images: list[Any] = []
    for place, frames in enumerate(in_order(load, rows())):
        if isinstance(frames, BadImage):
            broken.append(Broken(ids[place], frames.reason))
        else:
            images += frames
            counts.append(len(frames))
            kept.append(place)
        last = place + 1 == len(ids)
        if images and (last or len(images) >= batch_size):
            vectors = np.asarray(model.encode(images=images, batch_size=batch_size), np.float32)
            parts.append(pooled(vectors, counts))
            images, counts = [], []
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


def pooled(vectors: Vectors, counts: Sequence[int]) -> Vectors:
    """Take the mean direction of each run of `counts` vectors: (Σ counts, D) → (len(counts), D).

    A single vector stays as it is, to the bit.
    """
    if all(count == 1 for count in counts):
        return vectors
    runs = np.split(vectors, np.cumsum(counts)[:-1])
    return np.stack([run[0] if len(run) == 1 else unit_mean(list(run)) for run in runs])


def unit_mean(vectors: Sequence[Vectors]) -> Vectors:
    """Return the mean direction of one unit vector or more, (D,) each.

    >>> unit_mean([np.array([1, 0], np.float32), np.array([0, 1], np.float32)]).round(3).tolist()
    [0.7070000171661377, 0.7070000171661377]
    """
    mean = np.mean(vectors, axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    # Opposite vectors cancel out; then either one says more than none.
    return np.asarray(mean / length if length > 1e-6 else vectors[0], np.float32)


def _joined(parts: list[Vectors]) -> Vectors:
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
