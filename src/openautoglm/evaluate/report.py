"""The report of an evaluation: every figure with its interval, its chance level and its definition.

One object, three readers: Python (`report.find`), machines (`report.json`), people (`report.md`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openautoglm.evaluate.bootstrap import Figure
from openautoglm.evaluate.encoding import Broken
from openautoglm.evaluate.gallery import DEFINITION
from openautoglm.evaluate.matched import MatchSection
from openautoglm.evaluate.measure import Section
from openautoglm.evaluate.questions import FORWARD, Direction
from openautoglm.evaluate.targets import TargetSection
from openautoglm.evaluate.writing_figures import DEFINITIONS as WRITING
from openautoglm.evaluate.writing_figures import WritingSection

DEFINITIONS = {
    "what belongs together": DEFINITION,
    "rank": "One more than the number of other items that score at least as high as the best right item: "
    "ties (cosines closer than 0.000001) count against the model.",
    "recall@k": "Share of queries whose best right item has rank k or better.",
    "median rank": "Median over queries of the rank of the best right item.",
    "mAP": "Mean over queries of average precision: the mean over the query's right items of (its place "
    "among the right items / its rank in the gallery).",
    "chance": "The expected figure of a gallery in random order, with the same number of right items.",
    "interval": "Percentile bootstrap over queries (pairs, for the pair figures), 95 %, 1,000 draws, fixed "
    "seed. It covers the choice of queries, not of training seeds.",
    "accuracy": "Share of pairs judged rightly by one cosine threshold, half of the pairs being right and "
    "half random wrong ones; the threshold is the one of best accuracy on the validation split.",
    "F1": "Harmonic mean of precision and recall of the right pairs at the same threshold.",
    "matching": "Right pairs told from wrong ones by the matching head, and by the cosine: each by a "
    "threshold chosen on the validation split's pairs of the same kind. Half of the pairs are wrong: each "
    "caption with a random picture of others, or with the hardest, which is the one of highest cosine.",
    "AUROC of pairs": "Probability that a right pair scores above a wrong one; it needs no threshold.",
    "mean cosine": "Mean cosine of a caption and a picture that belong together.",
    "alignment": "Mean squared distance of a caption and a picture that belong together; 0 is best "
    "(Wang & Isola, 2020).",
    "uniformity": "Log of the mean of exp(−2 · squared distance) between two different pictures, or "
    "captions; 0 is a collapsed space, −4 the limit (Wang & Isola, 2020).",
}

WHOLE_ROWS = {
    "row": "In text→row and row→text: the fused vector of a picture with the columns of its row that the "
    "model reads and with the row's texts in other fields. The field that asks, or is asked for, stays out: "
    "a text would find itself. To be held against text→image and image→text of the same field, which see "
    "the picture alone.",
}


@dataclass(frozen=True)
class Report:
    """What an evaluation found."""

    model: str
    """Fingerprint of the model."""
    split: str | None
    where: str | None
    rows: int
    pictures: int
    captions: int
    sections: list[Section]
    pairs: dict[str, Figure]
    space: dict[str, Figure]
    threshold: float | None
    threshold_from: str
    """Which rows the threshold was chosen on, in words."""
    targets: list[TargetSection] = field(default_factory=list)
    """What is predicted, where the model predicts anything."""
    matching: list[MatchSection] = field(default_factory=list)
    """Right and wrong pairs told apart, where the model has a matching head."""
    skipped: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Names of the pictures beside the report."""
    whole_rows: list[Section] = field(default_factory=list)
    """Retrieval of fused vectors, where the model fuses rows."""
    writing: list[WritingSection] = field(default_factory=list)
    """Answers and captions, where the model was asked for any."""

    def find(
        self, direction: Direction = FORWARD, *, field: str | None = None, language: str | None = None
    ) -> Section:
        """Return the section of a field, of a language, or of all captions.

        Raises:
            KeyError: if there is none; it names those that there are.
        """
        kind = "field" if field else "language" if language else "all"
        name = field or language or ""
        for section in [*self.sections, *self.whole_rows]:
            if (section.kind, section.name, section.direction) == (kind, name, direction):
                return section
        known = ", ".join(sorted({f"{section.kind} {section.name}".strip() for section in self.sections}))
        raise KeyError(f"no {direction} section for {kind} {name}; there are: {known or 'none'}")

    def as_dict(self) -> dict[str, Any]:
        """Return what `report.json` holds."""
        return {
            **{
                key: getattr(self, key) for key in ("model", "split", "where", "rows", "pictures", "captions")
            },
            "retrieval": [section.as_dict() for section in self.sections],
            **({"whole_rows": [section.as_dict() for section in self.whole_rows]} if self.whole_rows else {}),
            "targets": [section.as_dict() for section in self.targets],
            "matching": [section.as_dict() for section in self.matching],
            **({"writing": [section.as_dict() for section in self.writing]} if self.writing else {}),
            "pairs": {name: figure.as_dict() for name, figure in self.pairs.items()},
            "space": {name: figure.as_dict() for name, figure in self.space.items()},
            "threshold": {"value": self.threshold, "from": self.threshold_from},
            "skipped": [broken._asdict() for broken in self.skipped],
            "notes": self.notes,
            "files": self.files,
            "definitions": self.definitions,
        }

    @property
    def definitions(self) -> dict[str, str]:
        """What the figures mean, as far as there are such."""
        return DEFINITIONS | (WHOLE_ROWS if self.whole_rows else {}) | (WRITING if self.writing else {})

    def card(self) -> dict[str, dict[str, str]]:
        """Return what a model card tells: sections of figures as text, interval and chance with them."""
        rows = f"{self.split or 'all'} rows" + (f" where {self.where}" if self.where else "")
        found = {
            f"{section.direction} {section.name} {name}".replace("  ", " "): _cell(name, figure)
            for section in [*self.sections, *self.whole_rows]
            if section.kind != "field" or section in self.whole_rows
            for name, figure in section.figures.items()
        }
        shape = {name: _cell(name, figure) for name, figure in {**self.pairs, **self.space}.items()}
        gallery = f"{self.pictures:,} pictures, {self.captions:,} captions"
        card = {f"Retrieval on {rows}: {gallery} (95 % interval) [chance]": found, "Pairs and space": shape}
        for match in self.matching:
            cells = {name: _cell(name, figure) for name, figure in match.figures.items()}
            card[f"Matching on {rows}, {match.wrong} wrong pairs, by {match.scorer}"] = cells
        for one in self.targets:
            told = {name: _cell(name, figure) for name, figure in one.figures.items()}
            card[f"Predicting {one.target} on {rows}, {one.shown}"] = told
        for part in self.writing:
            if part.of == "all":
                told = {name: _cell(name, figure) for name, figure in part.figures.items()}
                card[f"Writing {part.task} on {rows}, {part.texts:,} texts [another picture]"] = told
        return {title: figures for title, figures in card.items() if figures}

    def write(self, folder: Path) -> None:
        """Write `report.json` and `report.md` in `folder`, each replaced in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_dict(), ensure_ascii=False, indent=2)
        for name, content in (("report.json", text + "\n"), ("report.md", self.as_markdown())):
            draft = folder / f"{name}.tmp"
            draft.write_text(content, encoding="utf-8")
            draft.replace(folder / name)

    def as_markdown(self) -> str:
        """Write the report for people."""
        rows = f"the {self.split} split" if self.split else "all rows"
        rows += f" where `{self.where}`" if self.where else ""
        parts = [
            "# Evaluation",
            f"{self.rows:,} rows ({rows}): {self.pictures:,} different pictures and {self.captions:,} "
            f"different captions. Model `{self.model}`. Figures are shown with their 95 % interval, and what "
            "a shuffled gallery would give in brackets.",
            *(f"> {note}" for note in self.notes),
            "## Retrieval",
            _retrieval_table(self.sections),
            *(["## Retrieval of whole rows", _retrieval_table(self.whole_rows)] if self.whole_rows else []),
            "## Pairs and space",
            _figure_table({**self.pairs, **self.space}, self._threshold_words()),
        ]
        if self.matching:
            parts += ["## Matching", _matching_table(self.matching)]
        if self.targets:
            parts += ["## Predictions", _target_tables(self.targets)]
        if self.writing:
            parts += ["## Writing", _writing_tables(self.writing)]
        if self.files:
            parts += ["## Pictures", *(f"![{name}]({name})" for name in self.files)]
        parts += [
            "## What the figures mean",
            "\n".join(f"- **{k}**: {v}" for k, v in self.definitions.items()),
        ]
        if self.skipped:
            lines = [f"- `{broken.id}`: {broken.reason}" for broken in self.skipped]
            parts += [f"## Left out: {len(lines):,} pictures", "\n".join(lines)]
        return "\n\n".join(parts) + "\n"

    def __str__(self) -> str:
        lines = [f"{self.split or 'all'}: {self.pictures:,} pictures, {self.captions:,} captions"]
        for section in [*self.sections, *self.whole_rows]:
            if section.kind != "field" or section in self.whole_rows:
                figures = "  ".join(
                    f"{name} {_cell(name, figure)}" for name, figure in section.figures.items()
                )
                name = section.name or "all"
                lines.append(f"{section.direction}  {name:<4} of {section.gallery:,}: {figures}")
        for match in self.matching:
            cells = "  ".join(f"{name} {_cell(name, figure)}" for name, figure in match.figures.items())
            lines.append(f"matching, {match.wrong} wrong pairs, by {match.scorer}: {cells}")
        for one in self.targets:
            figures = "  ".join(f"{name} {_cell(name, figure)}" for name, figure in one.figures.items())
            lines.append(f"{one.target}, {one.shown}, {one.rows:,} rows: {figures}")
        for part in self.writing:
            figures = "  ".join(f"{name} {_cell(name, figure)}" for name, figure in part.figures.items())
            lines.append(f"{part.task}, {part.of}, {part.texts:,}: {figures}")
        return "\n".join(lines + self.notes)

    def _threshold_words(self) -> str:
        if self.threshold is None:
            return f"No pair accuracy: {self.threshold_from}."
        return f"Threshold of accuracy and F1: cosine {self.threshold:.3f}, chosen on {self.threshold_from}."


def _retrieval_table(sections: Sequence[Section]) -> str:
    if not sections:
        return "Nothing to retrieve: no caption and picture of these rows belong together."
    names = list(sections[0].figures)
    lines = ["| captions | direction | queries | gallery | " + " | ".join(names) + " |"]
    lines.append("|---|---|--:|--:|" + "--:|" * len(names))
    # A field is often the whole of a language: the same figures then make one line with both names.
    labels: dict[tuple[str, ...], list[Section]] = {}
    for section in sections:
        cells = [_cell(name, figure) for name, figure in section.figures.items()]
        line = (section.direction, f"{section.queries:,}", f"{section.gallery:,}", *cells)
        while any(one.kind == section.kind for one in labels.get(line, ())):
            line = (*line, "")  # two fields with equal figures by chance keep a line each
        labels.setdefault(line, []).append(section)
    for line, same in labels.items():
        label = " = ".join(f"{one.kind} {one.name}".strip() for one in same)
        lines.append(f"| {label} | {' | '.join(cell for cell in line if cell)} |")
    return "\n".join(lines)


def _target_tables(sections: Sequence[TargetSection]) -> str:
    """A table a target: a line for each pattern of what is shown."""
    tables = []
    for target in dict.fromkeys(one.target for one in sections):
        own = [one for one in sections if one.target == target]
        names = list(dict.fromkeys(name for one in own for name in one.figures))
        lines = [f"| {target} | rows | " + " | ".join(names) + " |", "|---|--:|" + "--:|" * len(names)]
        for one in own:
            cells = [_cell(name, one.figures[name]) if name in one.figures else "" for name in names]
            lines.append(f"| {one.shown} | {one.rows:,} | {' | '.join(cells)} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _writing_tables(sections: Sequence[WritingSection]) -> str:
    """A table a task: a line for all texts, and for each type and kind."""
    tables = []
    for task in dict.fromkeys(one.task for one in sections):
        own = [one for one in sections if one.task == task]
        names = list(dict.fromkeys(name for one in own for name in one.figures))
        lines = [f"| {task} | texts | " + " | ".join(names) + " |", "|---|--:|" + "--:|" * len(names)]
        for one in own:
            cells = [_cell(name, one.figures[name]) if name in one.figures else "" for name in names]
            lines.append(f"| {one.of} | {one.texts:,} | {' | '.join(cells)} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _matching_table(sections: Sequence[MatchSection]) -> str:
    names = list(dict.fromkeys(name for one in sections for name in one.figures))
    lines = ["| wrong pairs | judged by | pairs | " + " | ".join(names) + " | threshold |"]
    lines.append("|---|---|--:|" + "--:|" * (len(names) + 1))
    for one in sections:
        cells = [_cell(name, one.figures[name]) if name in one.figures else "" for name in names]
        threshold = "" if one.threshold is None else f"{one.threshold:.3f}"
        lines.append(f"| {one.wrong} | {one.scorer} | {one.pairs:,} | {' | '.join(cells)} | {threshold} |")
    return "\n".join(lines)


def _figure_table(figures: dict[str, Figure], words: str) -> str:
    lines = ["| figure | value |", "|---|--:|"]
    lines += [f"| {name} | {_cell(name, figure)} |" for name, figure in figures.items()]
    return "\n".join([*lines, "", words])


def _cell(name: str, figure: Figure) -> str:
    """Value, interval, chance: `.402 (.378–.426) [.001]`."""

    def short(value: float) -> str:
        if name == "median rank":
            return f"{value:,.1f}".removesuffix(".0")
        return f"{value:.3f}".replace("-", "−")

    cell = short(figure.value)
    if figure.low is not None and figure.high is not None:
        cell += f" ({short(figure.low)} – {short(figure.high)})"
    return cell + (f" [{short(figure.chance)}]" if figure.chance is not None else "")
