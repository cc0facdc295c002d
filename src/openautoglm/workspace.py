"""`Workspace`: the one object that knows the whole. The command line's verbs are its methods.

    shop = Workspace.open("shop", create=True)
    shop.add("photos/", "products.csv")
    shop.fit("mini")                                   # trains, evaluates, indexes; resumes if stopped
    for hit in shop.search("golden ginkgo avenue", where="price < 100"):
        print(hit.id, hit.score, hit.row["title"])

The folder is all there is: catalogue, models, index and cache (see `docs/workspace.md`). What a user can put
right is raised as a `UserError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openautoglm.catalog.catalog import Catalog
from openautoglm.train.progress import bar_of
from openautoglm.workspace_models import WorkspaceError, WorkspaceModels

if TYPE_CHECKING:
    from openautoglm.asking import Answers, Say, Source
    from openautoglm.catalog.questions import Questions
    from openautoglm.catalog.report import AddReport
    from openautoglm.catalog.schema import Roles
    from openautoglm.catalog.sql import SqlQuery
    from openautoglm.catalog.summary import Summary
    from openautoglm.config import ModelConfig, TrainConfig
    from openautoglm.conversation.answers import Ask
    from openautoglm.conversation.chat import Chat
    from openautoglm.evaluate.explain.explanation import Explanation
    from openautoglm.evaluate.report import Report
    from openautoglm.fitting import FitReport
    from openautoglm.model import OpenAutoGLM
    from openautoglm.predicting import PredictReport
    from openautoglm.search.hit import Results
    from openautoglm.search.index import IndexReport
    from openautoglm.search.query import Picture
    from openautoglm.search.wanted import By


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
        self._models = WorkspaceModels(self.catalog)

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

        with bar_of(progress) as tell:
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
        model: OpenAutoGLM | ModelConfig | Mapping[str, Any] | str | Path | None = None,
        *,
        name: str | None = None,
        train: TrainConfig | Mapping[str, Any] | None = None,
        where: str | None = None,
        fields: Sequence[str] | None = None,
        targets: Sequence[str] = (),
        captions: Sequence[str] | None = None,
        questions: Path | str | None = None,
        resume: bool = True,
        progress: bool = False,
    ) -> FitReport:
        """Train a model, evaluate it on the test split, index the catalogue with it, and make it the default.

        Args:
            model: a preset's name, a configuration (mapping or file), a folder or hub id with a model to
                start from, or a model; by default "mini", or "mini_glm" with `captions` or `questions`.
            name: of the model in the workspace; the preset's or file's name by default.
            train: a whole `TrainConfig`, or keys that change the preset's (`base`'s where there is none).
            where: SQL condition on the rows to learn from, beside being in the train split.
            fields: fields of texts or tags to take captions from; all by default.
            targets: columns to predict from all the others, each `NAME` or `NAME:KIND` with the kind "class",
                "tags" or "number"; rows need neither a picture nor a text for these.
            captions: fields of texts to learn to write; those of `fields` by default, where the model writes.
            questions: a table of questions about the pictures, with answers (`catalog/questions.py`).
            resume: go on with an unfinished training of the same name, data and configuration.
            progress: show bars.
        """
        from openautoglm.fitting import fit

        return fit(
            self,
            self._models,
            model,
            name=name,
            train=train,
            where=where,
            fields=fields,
            targets=(targets,) if isinstance(targets, str) else targets,
            captions=(captions,) if isinstance(captions, str) else captions,
            questions=questions,
            resume=resume,
            progress=progress,
        )

    def evaluate(
        self,
        model: OpenAutoGLM | str | Path | None = None,
        *,
        split: str = "test",
        where: str | None = None,
        fields: Sequence[str] | None = None,
        captions: Sequence[str] | None = None,
        questions: Questions | Path | str | None = None,
        folder: Path | None = None,
        progress: bool = False,
    ) -> Report:
        """Measure a model on a split and write a report folder (by default `models/NAME/report`).

        With `captions` (fields of texts) and `questions` (a table, as for `fit`) it writes, too, and what it
        writes is held against those.
        """
        from openautoglm.catalog.questions import read_questions
        from openautoglm.catalog.schema import SPLITS
        from openautoglm.evaluate.run import evaluate

        if split not in SPLITS:
            raise WorkspaceError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
        if isinstance(questions, str | Path):
            questions = read_questions(questions, self.catalog)
        home = self._models.own(model)
        with bar_of(progress) as tell:
            return evaluate(
                self._models.resolve(model),
                self.catalog,
                split=split,
                where=where,
                fields=fields,
                captions=(captions,) if isinstance(captions, str) else captions,
                questions=questions,
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

        with bar_of(progress) as tell:
            return predict(self._models.resolve(model), self.catalog, source, out=out, where=where, tell=tell)

    def ask(
        self,
        pictures: Source | Sequence[Source],
        question: str,
        *,
        model: OpenAutoGLM | str | Path | None = None,
        out: Path | str | None = None,
    ) -> Answers:
        """Answer a question about pictures, each answer with how sure it is and where the model looked.

        Args:
            pictures: ids of rows, files, or pictures; one or several.
            question: in words.
            model: the default one unless given.
            out: a page of where it looked (`.png`, `.html`), or a table (`.csv`, `.jsonl`, `.parquet`).
        """
        from openautoglm.asking import TEACH, ask

        return ask(self._models.resolve(model, TEACH["answers"]), self.catalog, pictures, question, out=out)

    def caption(
        self,
        pictures: Source | Sequence[Source],
        *,
        model: OpenAutoGLM | str | Path | None = None,
        out: Path | str | None = None,
        say: Say | None = None,
    ) -> Answers:
        """Write a caption for pictures.

        Args:
            pictures: as of `ask`, as are `model` and `out`.
            say: called with (picture, piece of its caption) as it is written; first with an empty piece.
        """
        from openautoglm.asking import TEACH, caption

        able = self._models.resolve(model, TEACH["captions"])
        return caption(able, self.catalog, pictures, out=out, say=say)

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

        with bar_of(progress) as tell:
            return explain(
                self._models.resolve(model),
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

        resolved = self._models.resolve(model)
        with bar_of(progress) as tell:
            report = build_index(resolved, self.catalog, tell=tell)
            if report.encoded:
                # What the hashes leave in doubt, the vectors decide.
                self.catalog.settle_copies()
        if isinstance(model, str | Path):
            self._models.default = model
        if why := self._models.why_not_alone(model, resolved):
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
        results = search(None if by == "words" else self._models.encoder(query), self.catalog, query, wanted)
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
            ask: answers questions about what a row's picture shows; by default the workspace's model, where
                it learned to. Else, and where it does not know, the catalogue does.
        """
        from openautoglm.chatting import open_chat

        return open_chat(self, self._models, session, by=by, k=k, ask=ask)

    @property
    def models(self) -> list[str]:
        """Names of the finished models in the workspace."""
        return self._models.names

    @property
    def default_model(self) -> str | None:
        """The one that is used where none is named: the last that was trained or that made the index."""
        return self._models.default

    def model(self, name: str | Path | None = None) -> OpenAutoGLM:
        """A model of this workspace by its name, or any folder or hub id; the default one without a name."""
        return self._models.load(name)
