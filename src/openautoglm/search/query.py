"""A query: any mixture of words, pictures, rows and columns, wanted and unwanted, made into one vector.

    part   v_i    a text, a picture, some columns' values, or a row of the catalogue     (D,) unit
    spread s_i    standard deviation of v_i · x over the catalogue (`background.py`)
    q      = Σ_i a_i v_i / s_i, of unit length                                           (D,)

    a_i    words       (1 − weight) / number of words
           the others  weight / number of pictures, rows and, as one, columns
           unwanted    − UNWANTED / number of unwanted words

    v_i of a row  its picture's vector, or its texts' where it has none; where rows are compared as a whole
                  ("fused"), its fused one, in which the query's columns stand in place of the row's own:
                  "like this, but at this price". The columns then are no part of themselves.

x is what is compared: pictures (texts where there are none), or fused vectors.

Pictures are far more alike than sentences and pictures are, so a plain sum would follow the picture and
hardly hear the words. Divided by its spread, each part moves the ranking by as much as its share says.
Being a sum, the whole is still one vector, and an index finds its neighbours.

What is unwanted is subtracted (Mikolov et al., 2013, arXiv:1301.3781, on words): a row that shows it
falls, but is not excluded; `where` excludes.

A picture may be a file of several, named as the catalogue does (`catalog/parts.py`): a page of a PDF, or a
video, whose frames are pooled as an index pools them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from openautoglm.catalog.images import BadImage, decode_image
from openautoglm.catalog.parts import load_frames
from openautoglm.evaluate.encoding import Encoder, Vectors, pooled
from openautoglm.search.asked_columns import AskedColumns
from openautoglm.search.background import Background
from openautoglm.search.errors import SearchError
from openautoglm.search.vectors import FUSED, IMAGE, KEY, TEXT

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
    """What is looked for. At least one text, picture, row or column must be wanted.

    >>> Query.of("red bicycle", minus="child", columns={"price": 20}).words
    'red bicycle price=20 −child'
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
    """Share of pictures, rows and columns beside words, 0 to 1; matters only where there are both."""
    columns: tuple[tuple[str, Any], ...] = ()
    """Names and values of columns that the model reads: rows whose values are like these."""

    @classmethod
    def of(
        cls,
        text: str | Sequence[str] | None = None,
        *,
        image: Picture | Sequence[Picture] | None = None,
        like: str | Sequence[str] | None = None,
        minus: str | Sequence[str] | None = None,
        weight: float = 0.5,
        columns: Mapping[str, Any] | None = None,
    ) -> Query:
        """Make a query of one or several of each.

        Raises:
            SearchError: if nothing is wanted, a text is blank, or the weight is no share.
        """
        query = cls(
            _each(text), _each(image), _each(like), _each(minus), weight, tuple((columns or {}).items())
        )
        if not (query.texts or query.given):
            why = "; what is unwanted needs something that is wanted" if query.minus else ""
            raise SearchError(f"there is nothing to search for; give a text, an image, or both{why}")
        if any(not words.strip() for words in query.texts + query.minus):
            raise SearchError("the query is empty; give a few words, or a picture")
        if not 0 <= weight <= 1:
            raise SearchError(f"weight {weight} is the share of pictures beside words; choose 0 to 1")
        return query

    @property
    def given(self) -> bool:
        """Whether anything but words is wanted."""
        return bool(self.images or self.like or self.columns)

    @property
    def words(self) -> str:
        """The query in a line, as a title."""
        pictures = [f"like {one}" for one in self.like]
        pictures += [
            f"like {Path(one).name}" if isinstance(one, str | Path) else "like a picture"
            for one in self.images
        ]
        columns = [f"{name}={value}" for name, value in self.columns]
        return " ".join([*self.texts, *pictures, *columns, *(f"−{one}" for one in self.minus)])

    @property
    def share(self) -> float:
        """How much the wanted words count beside all else that is wanted, 0 to 1."""
        if not self.texts:
            return 0.0
        return 1.0 - self.weight if self.given else 1.0

    def vector(
        self, model: Encoder, catalog: Catalog, background: Background, *, fused: bool = False
    ) -> Vectors:
        """Make the (D,) unit vector whose neighbours are wanted.

        Args:
            model: the one that made the index.
            catalog: whose rows may be asked for.
            background: of the vectors that are compared.
            fused: whether these are the fused ones.

        Raises:
            SearchError: if a picture cannot be read, a row does not exist or is not indexed, or the model
                does not read a column, or not such a value.
        """
        columns = AskedColumns.of(model, catalog, dict(self.columns)) if self.columns else None
        texts = [one.strip() for one in self.texts + self.minus]
        encoded = [*model.encode(texts=texts)] if texts else []
        wanted, unwanted = encoded[: len(self.texts)], encoded[len(self.texts) :]
        pictures = _encoded(model, self.images) if self.images else []
        changed = columns if fused and self.like else None
        pictures += [_row(catalog, model.fingerprint(), one, fused, changed) for one in self.like]
        if columns is not None and changed is None:
            pictures.append(columns.vector())
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


def _row(catalog: Catalog, fingerprint: str, name: str, fused: bool, changed: AskedColumns | None) -> Vectors:
    """A row's fused vector, as it were if `changed`; or its picture's, or its texts' where it has none."""
    columns = [IMAGE, TEXT, FUSED, KEY] if fused else [IMAGE, TEXT, KEY]
    row = catalog.read(columns, ids=[name]).to_pylist()[0]
    vector = next((row[one] for one in ([FUSED] if fused else [IMAGE, TEXT]) if row[one] is not None), None)
    if vector is None or not str(row[KEY]).startswith(f"{fingerprint}:"):
        raise SearchError(f"row {name!r} has no vectors of this model; run `autoglm index` first")
    if changed is not None:
        return changed.put_into(name, row[IMAGE], row[TEXT])
    return np.asarray(vector, np.float32)
