"""`Workspace`: the one object that knows the whole. The command line's verbs are its methods.

    shop = Workspace.open("shop", create=True)
    shop.add("photos/", "products.csv")
    shop.fit("mini")                                   # trains, evaluates, indexes; resumes if stopped
    for hit in shop.search("golden ginkgo avenue", where="price < 100"):
        print(hit.id, hit.score, hit.row["title"])

The folder is all there is: catalogue, models, index and cache (see `docs/workspace.md`). Each method is a
few lines that call the rooms; what a user can put right is raised as a `UserError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openautoglm.catalog.catalog import Catalog
from openautoglm.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from openautoglm.catalog.report import AddReport
    from openautoglm.catalog.schema import Roles
    from openautoglm.catalog.summary import Summary
    from openautoglm.config import TrainConfig
    from openautoglm.evaluate.report import Report
    from openautoglm.model import OpenAutoGLM
    from openautoglm.search.index import IndexReport
    from openautoglm.search.query import Hit
    from openautoglm.train.fit import FitResult

MODEL = "model"
"""Key of `workspace.json`: the model that is used when none is named."""


class WorkspaceError(UserError):
    """A model or an argument that does not fit this workspace."""


@dataclass(frozen=True)
class FitReport:
    """What `fit` did: the training, the figures on the test split where there is one, and the index."""

    name: str
    training: FitResult
    evaluation: Report | None
    index: IndexReport | None

    def __str__(self) -> str:
        parts = [f"model {self.name}: {self.training}", self.evaluation, self.index]
        return "\n".join(str(part) for part in parts if part is not None)


class Workspace:
    """A folder with a catalogue, the models that learned from it, and the index.

    Args:
        folder: the workspace; `Workspace.open` is the usual way in.
        create: make it if it does not exist.
    """

    def __init__(self, folder: Path | str, *, create: bool = False) -> None:
        self.catalog = Catalog(folder, create=create)
        self.folder = self.catalog.folder

    @classmethod
    def open(cls, folder: Path | str, *, create: bool = False) -> Workspace:
        """The workspace in `folder`.

        Raises:
            UserError: if there is none (and `create` is false), or the folder holds other things.
        """
        return cls(folder, create=create)

    def add(
        self,
        *sources: Path | str,
        roles: Roles | None = None,
        prune: bool = False,
        embed: bool = False,
        progress: bool = False,
    ) -> AddReport:
        """Bring the catalogue up to date with folders and tables; see `Catalog.add`."""
        from openautoglm.train.progress import Bar

        with Bar("adding", shown=progress) as bar:
            return self.catalog.add(
                *sources, roles=roles, prune=prune, embed=embed, progress=lambda p: bar.tell(p.source, p.done, p.total)
            )

    def show(self) -> Summary:
        """What is in the workspace: rows, gaps, languages, columns, copies, splits, models, index."""
        from openautoglm.search.index import indexed_rows

        summary = self.catalog.summary()
        summary.models = [{"name": name, "default": name == self.default_model} for name in self.models]
        summary.index = indexed_rows(self.catalog)
        return summary

    def fit(
        self,
        model: OpenAutoGLM | ModelConfig | Mapping[str, Any] | str | Path = "mini",
        *,
        name: str | None = None,
        train: TrainConfig | Mapping[str, Any] | None = None,
        where: str | None = None,
        fields: Sequence[str] | None = None,
        resume: bool = True,
        progress: bool = False,
    ) -> FitReport:
        """Train a model, evaluate it on the test split, index the catalogue with it, and make it the default.

        Args:
            model: a preset's name, a configuration (mapping or file), a folder or hub id with a model to
                start from, or a model.
            name: of the model in the workspace; the preset's or file's name by default.
            train: a whole `TrainConfig`, or keys that change the preset's (`mini`'s where there is none).
            where: SQL condition on the rows to learn from, beside being in the train split.
            fields: text fields to take captions from; all by default.
            resume: go on with an unfinished training of the same name, data and configuration.
            progress: show bars.
        """
        from openautoglm.train.data import TrainingData
        from openautoglm.train.fit import fit

        start = self._start(model, train, name)
        folder = self.folder / "models" / start.name
        frame = start.model.processor.image
        with _bars(progress) as tell:
            data = TrainingData.from_catalog(
                self.catalog,
                self.folder / "cache",
                frame.frame,
                size=frame.size,
                recipe=frame.recipe,
                where=where,
                fields=fields,
                progress=lambda done, total: tell("decoding pictures", done, total),
            )
        validate = None
        if start.train.evaluate_every is not None:
            validate = self._validation(where, fields)
        training = fit(start.model, data, start.train, folder, validate=validate, progress=progress, resume=resume)
        if training.interrupted:
            return FitReport(start.name, training, None, None)
        start.model.save_pretrained(folder)
        self.catalog.update_settings(**{MODEL: start.name})
        evaluation = None
        if self._pairs("test"):
            evaluation = self.evaluate(start.name, where=None, fields=fields, progress=progress)
            start.model.save_pretrained(folder, card=evaluation.card())
        return FitReport(start.name, training, evaluation, self.index(start.name, progress=progress))

    def evaluate(
        self,
        model: OpenAutoGLM | str | Path | None = None,
        *,
        split: str = "test",
        where: str | None = None,
        fields: Sequence[str] | None = None,
        folder: Path | None = None,
        progress: bool = False,
    ) -> Report:
        """Measure a model on a split and write a report folder (by default `models/NAME/report`)."""
        from openautoglm.evaluate.run import evaluate

        home = self._home(model)
        with _bars(progress) as tell:
            return evaluate(
                self._model(model),
                self.catalog,
                split=split,
                where=where,
                fields=fields,
                folder=folder or (home / "report" if home else self.folder / "models" / "report"),
                curves=home / "curves.png" if home else None,
                tell=tell,
            )

    def index(self, model: OpenAutoGLM | str | Path | None = None, *, progress: bool = False) -> IndexReport:
        """Encode what is new or changed with a model, which becomes the one that searches."""
        from openautoglm.search.index import build_index

        chosen = self._model(model)
        with _bars(progress) as tell:
            report = build_index(chosen, self.catalog, tell=tell)
        if not isinstance(model, OpenAutoGLM):
            self.catalog.update_settings(**{MODEL: str(model or self.default_model)})
        return report

    def search(
        self,
        text: str | None = None,
        *,
        image: Image.Image | Path | str | None = None,
        where: str | None = None,
        k: int = 10,
        sheet: Path | str | None = None,
    ) -> list[Hit]:
        """The `k` rows nearest to a sentence, a picture, or both, among those that pass `where`.

        Args:
            sheet: where to draw the hits, `.png` or `.html`.
        """
        from openautoglm.search.query import search
        from openautoglm.search.sheet import draw_hits

        hits = search(self._model(None), self.catalog, text=text, image=image, where=where, k=k)
        if sheet is not None:
            draw_hits(self.catalog, hits, sheet, title=text or f"like {image}")
        return hits
