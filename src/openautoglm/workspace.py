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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openautoglm.catalog.catalog import Catalog
from openautoglm.errors import UserError
from openautoglm.search.named import Named

if TYPE_CHECKING:
    from openautoglm.catalog.report import AddReport
    from openautoglm.catalog.schema import Roles
    from openautoglm.catalog.sql import SqlQuery
    from openautoglm.catalog.summary import Summary
    from openautoglm.config import ModelConfig, TrainConfig
    from openautoglm.conversation.answers import Ask
    from openautoglm.conversation.chat import Chat
    from openautoglm.evaluate.encoding import Encoder, Tell
    from openautoglm.evaluate.explain.explanation import Explanation
    from openautoglm.evaluate.report import Report
    from openautoglm.fitting import FitReport
    from openautoglm.model import OpenAutoGLM
    from openautoglm.predicting import PredictReport
    from openautoglm.search.hit import Results
    from openautoglm.search.index import IndexReport
    from openautoglm.search.query import Picture, Query
    from openautoglm.search.text_towers import TextTowers
    from openautoglm.search.wanted import By

MODEL = "model"
"""Key of `workspace.json`: the model that is used when none is named."""


class WorkspaceError(UserError):
    """A model or an argument that does not fit this workspace."""


class Workspace:
    """A folder with a catalogue, the models that learned from it, and the index.

    Args:
        folder: the workspace; `Workspace.open` is the usual way in.
        create: make it if it does not exist.
    """

    def __init__(self, folder: Path | str, *, create: bool = False) -> None:
        try:
            self.catalog = Catalog(folder, create=create)
        except (NotADirectoryError, FileExistsError) as error:
            raise WorkspaceError(f"{folder} cannot be a folder: a part of that path is a file") from error
        self.folder = self.catalog.folder
        self._loaded: dict[tuple[Path | str, int | None], OpenAutoGLM] = {}
        self._named: Named | None = None

    @classmethod
    def open(cls, folder: Path | str, *, create: bool = False) -> Workspace:
        """The workspace in `folder`.

        Raises:
            UserError: if there is none (and `create` is false), or the folder holds other things.
        """
        return cls(folder, create=create)

    def add(
        self,
        *sources: Path | str | SqlQuery,
        roles: Roles | None = None,
        prune: bool = False,
        embed: bool = False,
        ocr: bool | None = None,
        progress: bool = False,
    ) -> AddReport:
        """Bring the catalogue up to date with folders, files, tables and queries; see `Catalog.add`.

        Its words are indexed, too, so that a search by words needs no model and no `index`.
        """
        from openautoglm.catalog.errors import CatalogError
        from openautoglm.search.words import index_words

        with _bars(progress) as tell:
            report = self.catalog.add(
                *sources,
                roles=roles,
                prune=prune,
                embed=embed,
                ocr=ocr,
                progress=lambda now: tell(
                    f"adding {Path(now.source).name}"
                    if now.total
                    else f"looking at {Path(now.source).name}, {now.done:,} rows",
                    now.done,
                    now.total,
                ),
            )
        try:
            index_words(self.catalog)
        except CatalogError as error:  # what was added stays, and is found
            report.notes.append(f"new words are not found through a typo before the next `index`: {error}")
        return report

    def show(self) -> Summary:
        """What is in the workspace: rows, gaps, languages, columns, copies, splits, models, index."""
        from openautoglm.search.nearest import described
        from openautoglm.search.vectors import indexed_rows

        summary = self.catalog.summary()
        summary.models = [{"name": name, "default": name == self.default_model} for name in self.models]
        summary.index = indexed_rows(self.catalog)
        summary.nearest = described(self.folder)
        return summary

    def fit(
        self,
        model: OpenAutoGLM | ModelConfig | Mapping[str, Any] | str | Path = "mini",
        *,
        name: str | None = None,
        train: TrainConfig | Mapping[str, Any] | None = None,
        where: str | None = None,
        fields: Sequence[str] | None = None,
        targets: Sequence[str] = (),
        resume: bool = True,
        progress: bool = False,
    ) -> FitReport:
        """Train a model, evaluate it on the test split, index the catalogue with it, and make it the default.

        Args:
            model: a preset's name, a configuration (mapping or file), a folder or hub id with a model to
                start from, or a model.
            name: of the model in the workspace; the preset's or file's name by default.
            train: a whole `TrainConfig`, or keys that change the preset's (`base`'s where there is none).
            where: SQL condition on the rows to learn from, beside being in the train split.
            fields: fields of texts or tags to take captions from; all by default.
            targets: columns to predict from all the others, each `NAME` or `NAME:KIND` with the kind "class",
                "tags" or "number"; rows need neither a picture nor a text for these.
            resume: go on with an unfinished training of the same name, data and configuration.
            progress: show bars.
        """
        from openautoglm import fitting
        from openautoglm.evaluate.predictions import predict_validation, trust_of
        from openautoglm.evaluate.trees import compare_with_trees
        from openautoglm.evaluate.validation import validation
        from openautoglm.train.data import TrainingData
        from openautoglm.train.fit import fit

        wanted = fitting.wanted_targets((targets,) if isinstance(targets, str) else targets, self.catalog)
        names = [one.name for one in wanted]
        start = fitting.start(
            model, train, name, targets=wanted, catalog=self.catalog, home=self._home, models=self.models
        )
        folder = self.folder / "models" / start.name
        with _bars(progress) as tell:
            data = TrainingData.from_catalog(
                self.catalog,
                self.folder / "cache",
                start.model.processor.image,
                where=where,
                fields=fields,
                columns=[one.name for one in self.catalog.column_fields if one.name not in names]
                if start.model.columns
                else (),
                targets=names,
                progress=lambda done, total: tell("decoding pictures", done, total),
            )
        fitting.learn_targets(start.model, data, wanted, self.catalog)
        validate = None
        if start.train.evaluate_every is not None:
            if not self.catalog.has_pairs("validation"):
                why = "evaluate_every needs a validation split, which this catalogue lacks; leave it out"
                raise WorkspaceError(why)
            validate = validation(self.catalog, where=where, fields=fields)
        training = fit(
            start.model, data, start.train, folder, validate=validate, progress=progress, resume=resume
        )
        if training.interrupted:
            return fitting.FitReport(start.name, training, None, None)
        compared = []
        if names:
            seen = predict_validation(start.model, self.catalog, where=where)
            compared = compare_with_trees(start.model, self.catalog, seen, where=where)
            start.model.heads.trust = trust_of(seen)
        start.model.save_pretrained(folder)
        self.catalog.update_settings(**{MODEL: start.name})
        evaluation = None
        if self.catalog.has_pairs("test") or (names and self.catalog.count("_split = 'test'")):
            # Tags are learned from, but no query: the evaluation takes the texts among the fields.
            texts = [one.name for one in self.catalog.text_fields if fields is None or one.name in fields]
            evaluation = self.evaluate(start.name, fields=texts or None, progress=progress)
            start.model.save_pretrained(folder, card=evaluation.card())
        index = self.index(start.name, progress=progress)
        return fitting.FitReport(start.name, training, evaluation, index, tuple(compared))

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
        from openautoglm.catalog.schema import SPLITS
        from openautoglm.evaluate.run import evaluate

        if split not in SPLITS:
            raise WorkspaceError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
        home = self._own(model)
        with _bars(progress) as tell:
            return evaluate(
                self._resolve(model),
                self.catalog,
                split=split,
                where=where,
                fields=fields,
                folder=folder or (home / "report" if home else self.folder / "models" / "report"),
                curves=home / "curves.png" if home else None,
                tell=tell,
            )

    def predict(
        self,
        source: Path | str | None = None,
        *,
        out: Path | str | None = None,
        where: str | None = None,
        model: OpenAutoGLM | str | Path | None = None,
        progress: bool = False,
    ) -> PredictReport:
        """Predict the model's targets for the rows of a file, or for the catalogue's own.

        Args:
            source: a table, folder or picture as `add` takes them; it does not become part of the catalogue.
                None for the rows of the catalogue.
            out: where the predictions are written, `.parquet`, `.csv` or `.jsonl`.
            where: SQL condition on the rows.
            model: the default one unless given.
            progress: show a bar.
        """
        from openautoglm.predicting import predict

        with _bars(progress) as tell:
            return predict(self._resolve(model), self.catalog, source, out=out, where=where, tell=tell)

    def explain(
        self,
        row: str,
        *,
        target: str | None = None,
        query: str | None = None,
        model: OpenAutoGLM | str | Path | None = None,
        fields: Sequence[str] | None = None,
        out: Path | str | None = None,
        progress: bool = False,
    ) -> Explanation:
        """What a row's prediction or match rests on: gates, parts of the picture, words, columns.

        Args:
            row: its id.
            target: which prediction; the first one of a model that has any. Without, the picture's match.
            query: words; how well the row matches them, instead.
            model: the default one unless given.
            fields: fields of texts or tags to take the row's text from; all by default.
            out: where the page is drawn, `.png` or `.html`.
            progress: show a bar.
        """
        from openautoglm.evaluate.explain.run import explain

        with _bars(progress) as tell:
            return explain(
                self._resolve(model),
                self.catalog,
                row,
                target=target,
                query=query,
                fields=fields,
                out=out,
                tell=tell,
            )

    def index(self, model: OpenAutoGLM | str | Path | None = None, *, progress: bool = False) -> IndexReport:
        """Encode what is new or changed with a model, which becomes the one that searches."""
        from openautoglm.search.index import build_index

        resolved = self._resolve(model)
        with _bars(progress) as tell:
            report = build_index(resolved, self.catalog, tell=tell)
            if report.encoded:
                # What the hashes leave in doubt, the vectors decide.
                self.catalog.settle_copies()
        if isinstance(model, str | Path):
            elsewhere = self._own(model) is None and Path(model).expanduser().is_dir()
            # A folder elsewhere must be found again from any working directory.
            chosen = Path(model).expanduser().resolve() if elsewhere else model
            self.catalog.update_settings(**{MODEL: str(chosen)})
        if (home := self._folder(model)) and (why := self._text_towers.describe(resolved, home)):
            report.notes.append(f"each search in a new process will load torch: {why}")
        return report

    def search(
        self,
        text: str | Sequence[str] | None = None,
        *,
        image: Picture | Sequence[Picture] | None = None,
        like: str | Sequence[str] | None = None,
        minus: str | Sequence[str] | None = None,
        columns: Mapping[str, Any] | None = None,
        weight: float = 0.5,
        where: str | None = None,
        k: int = 10,
        by: By = "auto",
        after: str | None = None,
        sort: str | None = None,
        facets: Sequence[str] = (),
        fold: bool = True,
        sheet: Path | str | None = None,
    ) -> Results:
        """The `k` rows that match a mixture of words, pictures and columns best, of those that pass `where`.

        Args:
            text: a sentence, or several.
            image: a picture, its file or bytes, or several.
            like: ids of rows: more of these.
            minus: what is not wanted, in words.
            columns: values of columns that the model reads, by name: rows like these (see `search/query.py`).
            weight: share of pictures, rows and columns beside words, 0 to 1.
            where: SQL condition on the catalogue's columns.
            k: how many rows.
            by: what a row is compared by: "auto" (looks and words), "vectors", "image", "text", "fused";
                "words" alone needs no model (see `search/find.py`).
            after: `Results.after` of the page before this one.
            sort: order the relevant rows by this column; from the greatest with a `-` before it.
            facets: count these columns' values among the relevant rows.
            fold: of near copies show the best only.
            sheet: where to draw the hits, `.png` or `.html`.
        """
        from openautoglm.search.find import search
        from openautoglm.search.query import Query
        from openautoglm.search.sheet import draw_hits
        from openautoglm.search.wanted import Wanted

        if sheet is not None and Path(sheet).suffix.lower() not in (".png", ".html"):
            raise WorkspaceError(f"{sheet}: a sheet is written as .png or .html")
        query = Query.of(text, image=image, like=like, minus=minus, weight=weight, columns=columns)
        wanted = Wanted(where, k, by, after, sort, (facets,) if isinstance(facets, str) else facets, fold)
        results = search(None if by == "words" else self._encoder(query), self.catalog, query, wanted)
        if sheet is not None:
            title = "\n".join([query.words, *([where] if where else [])])
            draw_hits(self.catalog, results, sheet, title=title)
        return results

    def chat(
        self, session: str | None = None, *, by: By | None = None, k: int = 10, ask: Ask | None = None
    ) -> Chat:
        """A conversation over the catalogue: turns in words, English or Chinese, that search, refine and ask.

        Args:
            session: its name; one that exists goes on where it was. None begins a new one.
            by: what rows are compared by, as for `search`; by default looks and words where there is a model
                that searches, else words.
            k: how many rows a page has.
            ask: answers questions about what a row's picture shows; else the catalogue does.
        """
        from openautoglm.conversation.chat import Chat
        from openautoglm.conversation.finding import Finder
        from openautoglm.conversation.session import Session

        if k < 1:
            raise WorkspaceError(f"k is the number of rows on a page and must be 1 or more, not {k}")
        chosen = by or ("auto" if self.default_model is not None else "words")
        finder = Finder(self.catalog, self.search, by=chosen, page_size=k)
        return Chat(finder, Session(self.folder, session), ask)

    @property
    def models(self) -> list[str]:
        """Names of the finished models in the workspace."""
        return sorted(file.parent.name for file in self.folder.glob("models/*/config.json"))

    @property
    def default_model(self) -> str | None:
        """The model that is used when none is named: the last one that was trained or that made the index."""
        return self.catalog.settings.get(MODEL)

    def model(self, name: str | Path | None = None) -> OpenAutoGLM:
        """A model of this workspace by its name, or any folder or hub id; the default one without a name."""
        from openautoglm.model import OpenAutoGLM

        chosen = name or self.default_model
        if chosen is None:
            raise WorkspaceError(
                f"{self.folder} has no model yet; `autoglm fit {self.folder.name}` trains one, "
                f"`autoglm index {self.folder.name} --model DIR` takes a CLIP or SigLIP folder as it is"
            )
        home = self._home(chosen)
        if name is None and str(home) == chosen and "/" not in chosen and not Path(chosen).is_dir():
            raise WorkspaceError(
                f"the model {chosen!r}, which searches {self.folder}, is no longer in its models/; restore "
                f"it from a copy, or make another by `autoglm fit {self.folder.name}` or "
                f"`autoglm index {self.folder.name} --model DIR`"
            )
        stamp = (home, _written(Path(home) / "model.safetensors"))
        if stamp not in self._loaded:
            self._loaded = {stamp: OpenAutoGLM.from_pretrained(home)}
        return self._loaded[stamp]

    def _encoder(self, query: Query) -> Encoder:
        """What encodes the query: the default model, or its text tower alone where that is enough."""
        home = None if query.images or query.columns or self._loaded else self._folder(None)
        tower = self._text_towers.find(home) if home else None
        if tower is not None:
            return tower
        model = self.model()
        if self._named is None or not self._named.stands_for(model):
            self._named = Named(model)
        return self._named

    @cached_property
    def _text_towers(self) -> TextTowers:
        from openautoglm.search.text_towers import TextTowers

        return TextTowers(self.folder)

    def _resolve(self, model: OpenAutoGLM | str | Path | None) -> OpenAutoGLM:
        return self.model(model) if model is None or isinstance(model, str | Path) else model

    def _home(self, name: str | Path) -> Path | str:
        """The folder of one of the workspace's models; any other folder or hub id as it is."""
        return self._own(name) or name

    def _folder(self, model: OpenAutoGLM | str | Path | None) -> Path | None:
        """The folder that a named model lies in, here or elsewhere; None for a hub id and a model as such."""
        name = self.default_model if model is None else model
        if not isinstance(name, str | Path):
            return None
        home = self._own(name) or Path(name).expanduser()
        return home if home.is_dir() else None

    def _own(self, model: OpenAutoGLM | str | Path | None) -> Path | None:
        """The folder of a model that lies in this workspace, the default one without a name."""
        name = self.default_model if model is None else model
        if not isinstance(name, str | Path):
            return None
        own = self.folder / "models" / Path(name).name
        here = str(name) == own.name or Path(name).expanduser().resolve() == own.resolve()
        return own if here and (own / "config.json").exists() else None


def _written(file: Path) -> int | None:
    """When a file was last written; None where there is none."""
    return file.stat().st_mtime_ns if file.is_file() else None


@contextmanager
def _bars(shown: bool) -> Iterator[Tell]:
    """A bar, as the function that rooms tell their progress to."""
    from openautoglm.train.progress import Bar

    with Bar("", shown=shown) as bar:
        yield bar.tell
