"""A query: any mixture of words and pictures, wanted and unwanted, made into one vector.

    part   v_i    a text, a picture, or a row of the catalogue (by its own vectors)      (D,) unit
    spread s_i    standard deviation of v_i · x over the catalogue (`background.py`)
    q      = Σ_i a_i v_i / s_i, of unit length                                           (D,)

    a_i    words       (1 − weight) / number of words
           pictures    weight / number of pictures and rows
           unwanted    − UNWANTED / number of unwanted words

Pictures are far more alike than sentences and pictures are, so a plain sum would follow the picture and
hardly hear the words. Divided by its spread, each part moves the ranking by as much as its share says.
Being a sum, the whole is still one vector, and an index finds its neighbours.

What is unwanted is subtracted (Mikolov et al., 2013, arXiv:1301.3781, on words): a row that shows it
falls, but is not excluded; `where` excludes.

A picture may be a file of several, named as the catalogue does (`catalog/parts.py`): a page of a PDF, or a
video, whose frames are pooled as an index pools them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from openautoglm.catalog.images import BadImage, decode_image
from openautoglm.catalog.parts import load_frames
from openautoglm.evaluate.encoding import Encoder, Vectors, pooled
from openautoglm.search.background import Background
from openautoglm.search.errors import SearchError
from openautoglm.search.vectors import IMAGE, KEY, TEXT

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

Picture = Image.Image | Path | str | bytes

UNWANTED = 0.5
"""How much unwanted words count beside wanted parts, which together count 1."""


class Part(NamedTuple):
    """A piece of the query."""

    vector: Vectors
    share: float


@dataclass(frozen=True)
class Query:
    """What is looked for. At least one text, picture or row must be wanted.

    >>> Query.of("red bicycle", minus="child").words
    'red bicycle −child'
    """

    texts: tuple[str, ...] = ()
    """Sentences in any language the model knows."""
    images: tuple[Picture, ...] = ()
    """Pictures, their files, or their bytes."""
    like: tuple[str, ...] = ()
    """Ids of rows in the catalogue: more of these. They are not found themselves."""
    minus: tuple[str, ...] = ()
    """What is not wanted, in words."""
    weight: float = 0.5
    """Share of pictures and rows beside words, 0 to 1; matters only where there are both."""

    @classmethod
    def of(
        cls,
        text: str | Sequence[str] | None = None,
        *,
        image: Picture | Sequence[Picture] | None = None,
        like: str | Sequence[str] | None = None,
        minus: str | Sequence[str] | None = None,
        weight: float = 0.5,
    ) -> Query:
        """Make a query of one or several of each.

        Raises:
            SearchError: if nothing is wanted, a text is blank, or the weight is no share.
        """
        query = cls(_each(text), _each(image), _each(like), _each(minus), weight)
        if not (query.texts or query.images or query.like):
            why = "; what is unwanted needs something that is wanted" if query.minus else ""
            raise SearchError(f"there is nothing to search for; give a text, an image, or both{why}")
        if any(not words.strip() for words in query.texts + query.minus):
            raise SearchError("the query is empty; give a few words, or a picture")
        if not 0 <= weight <= 1:
            raise SearchError(f"weight {weight} is the share of pictures beside words; choose 0 to 1")
        return query

    @property
    def words(self) -> str:
        """The query in a line, as a title."""
        pictures = [f"like {one}" for one in self.like]
        pictures += [
            f"like {Path(one).name}" if isinstance(one, str | Path) else "like a picture"
            for one in self.images
        ]
        return " ".join([*self.texts, *pictures, *(f"−{one}" for one in self.minus)])

    @property
    def share(self) -> float:
        """How much the wanted words count beside pictures and rows, 0 to 1."""
        if not self.texts:
            return 0.0
        return 1.0 - self.weight if self.images or self.like else 1.0

    def vector(self, model: Encoder, catalog: Catalog, background: Background) -> Vectors:
        """Make the (D,) unit vector whose neighbours are wanted.

        Raises:
            SearchError: if a picture cannot be read, or a row does not exist or is not indexed.
        """
        texts = [one.strip() for one in self.texts + self.minus]
        encoded = [*model.encode(texts=texts)] if texts else []
        wanted, unwanted = encoded[: len(self.texts)], encoded[len(self.texts) :]
        pictures = _encoded(model, self.images) if self.images else []
        pictures += [_row(catalog, model.fingerprint(), one) for one in self.like]
        parts = [Part(one, self.share / len(wanted)) for one in wanted]
        parts += [Part(one, (1 - self.share) / len(pictures)) for one in pictures]
        parts += [Part(one, -UNWANTED / len(unwanted)) for one in unwanted]
        return mixed(parts, background)


def mixed(parts: Sequence[Part], background: Background) -> Vectors:
    """Sum the parts as above, to unit length; a single one stays as it is.

    >>> half = [Part(np.eye(2, dtype=np.float32)[place], 0.5) for place in range(2)]
    >>> mixed(half, Background(np.zeros((0, 2), np.float32))).round(3).tolist()
    [0.7070000171661377, 0.7070000171661377]
    """
    kept = [part for part in parts if part.share]
    if len(kept) == 1:
        return np.asarray(kept[0].vector, np.float32)
    whole = np.sum([part.share / background.judge(part.vector)[1] * part.vector for part in kept], axis=0)
    length = np.linalg.norm(whole)
    if length < 1e-6:
        raise SearchError("the parts of the query cancel out; leave one of them out")
    return np.asarray(whole / length, np.float32)


def _each(given: object) -> tuple:
    if given is None:
        return ()
    return (given,) if isinstance(given, str | bytes | Path | Image.Image) else tuple(given)  # type: ignore[arg-type]


def _encoded(model: Encoder, images: Sequence[Picture]) -> list[Vectors]:
    frames = [_frames(one) for one in images]
    vectors = model.encode(images=[frame for some in frames for frame in some])
    return [*pooled(vectors, [len(some) for some in frames])]


def _frames(image: Picture) -> list[Image.Image]:
    """Decode the picture, or the frames of a video."""
    if isinstance(image, Image.Image):
        return [image]
    try:
        return [decode_image(image)] if isinstance(image, bytes) else load_frames(Path(image))
    except BadImage as error:
        raise SearchError(f"the query's picture cannot be read: {error}") from error


def _row(catalog: Catalog, fingerprint: str, name: str) -> Vectors:
    """The vector of a row's picture, or of its texts where it has none."""
    row = catalog.read([IMAGE, TEXT, KEY], ids=[name]).to_pylist()[0]
    vector = row[IMAGE] if row[IMAGE] is not None else row[TEXT]
    if vector is None or not str(row[KEY]).startswith(f"{fingerprint}:"):
        raise SearchError(f"row {name!r} has no vectors of this model; run `autoglm index` first")
    return np.asarray(vector, np.float32)
