"""`Workspace.fit`: the model that it starts from, what it learns, and what follows the training.

A preset reads pictures and texts. With targets it is given what they need beside: a tower for the catalogue's
other columns, and a fusion of what a row has. A configuration of one's own is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from openautoglm.config import ModelConfig, TrainConfig, load_preset, nearest, preset_names
from openautoglm.errors import UserError
from openautoglm.tasks.target import Target, TargetError, TargetKind

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.catalog.questions import Questions
    from openautoglm.evaluate.report import Report
    from openautoglm.evaluate.trees import Compared
    from openautoglm.model import OpenAutoGLM
    from openautoglm.search.index import IndexReport
    from openautoglm.train.data import TrainingData
    from openautoglm.train.result import FitResult
    from openautoglm.workspace import Workspace
    from openautoglm.workspace_models import WorkspaceModels

MODALITY_DROPOUT = 0.2
"""Of presets with targets."""
READER, WRITER = "mini", "mini_glm"
"""Presets that are taken when none is named: the second where captions or answers are to be written."""


class FittingError(UserError):
    """A model, name or target that a training cannot start with; the message says what to give."""


@dataclass(frozen=True)
class FitReport:
    """What `fit` did: the training, the figures on the test split where there is one, and the index."""

    name: str
    training: FitResult
    evaluation: Report | None
    index: IndexReport | None
    trees: tuple[Compared, ...] = ()
    """Each target beside gradient boosting on the columns alone, where that was tried; told where it wins."""
    questions: Questions | None = None
    """What was learned of questions, and which could not be used."""

    def __str__(self) -> str:
        told = [one for one in self.trees if one.trees_win]
        parts = [f"model {self.name}: {self.training}", self.questions, self.evaluation, *told, self.index]
        return "\n".join(str(part) for part in parts if part is not None)


class Wanted(NamedTuple):
    """A target as it was asked for."""

    name: str
    kind: TargetKind | None
    """None: as its values suggest."""


def fit(
    shop: Workspace,
    models: WorkspaceModels,
    model: OpenAutoGLM | ModelConfig | Mapping[str, Any] | str | Path | None,
    *,
    name: str | None,
    train: TrainConfig | Mapping[str, Any] | None,
    where: str | None,
    fields: Sequence[str] | None,
    targets: Sequence[str],
    captions: Sequence[str] | None,
    questions: Path | str | None,
    resume: bool,
    progress: bool,
) -> FitReport:
    """See `Workspace.fit`; `models` are those of `shop`."""
    from openautoglm.catalog.questions import read_questions
    from openautoglm.evaluate.predictions import predict_validation, trust_of
    from openautoglm.evaluate.trees import compare_with_trees
    from openautoglm.evaluate.validation import validation
    from openautoglm.evaluate.writing import trust_in_answers
    from openautoglm.train.data import TrainingData
    from openautoglm.train.fit import fit as learn
    from openautoglm.train.progress import Bar

    catalog = shop.catalog
    wanted = wanted_targets(targets, catalog)
    names = [one.name for one in wanted]
    begun = start(
        model,
        train,
        name,
        targets=wanted,
        catalog=catalog,
        home=models.home,
        models=models.names,
        writes=captions is not None or questions is not None,
    )
    asked = None if questions is None else read_questions(questions, catalog)
    folder = catalog.folder / "models" / begun.name
    with Bar("", shown=progress) as bar:
        data = TrainingData.from_catalog(
            catalog,
            catalog.folder / "cache",
            begun.model.processor.image,
            where=where,
            fields=fields,
            columns=[one.name for one in catalog.column_fields if one.name not in names]
            if begun.model.columns
            else (),
            targets=names,
            captions=captions,
            questions=asked,
            progress=lambda done, total: bar.tell("decoding pictures", done, total),
        )
    if captions is not None and not data.tells_captions:
        raise FittingError(
            f"no captions can be learned from {', '.join(captions)}: no row of the training split has a "
            "picture and a text there; name other fields, or leave --captions out"
        )
    learn_targets(begun.model, data, wanted, catalog)
    validate = None
    if begun.train.evaluate_every is not None:
        if not catalog.has_pairs("validation"):
            why = "evaluate_every needs a validation split, which this catalogue lacks; leave it out"
            raise FittingError(why)
        validate = validation(catalog, where=where, fields=fields)
    training = learn(
        begun.model, data, begun.train, folder, validate=validate, progress=progress, resume=resume
    )
    if training.interrupted:
        return FitReport(begun.name, training, None, None)
    compared = []
    if names:
        seen = predict_validation(begun.model, catalog, where=where)
        compared = compare_with_trees(begun.model, catalog, seen, where=where)
        begun.model.heads.trust = trust_of(seen)
    if begun.model.writes_captions:
        weight = begun.train.loss_weights.get("captioning", 1.0)
        begun.model.captions = begun.model.captions or (weight > 0 and data.tells_captions)
    if asked is not None:
        begun.model.answering = trust_in_answers(begun.model, catalog, asked, where=where)
    begun.model.save_pretrained(folder)
    models.default = begun.name
    evaluation = None
    labelled = bool(names) or asked is not None
    if catalog.has_pairs("test") or (labelled and catalog.count("_split = 'test'")):
        # Tags are learned from, but no query: the evaluation takes the texts among the fields.
        texts = [one.name for one in catalog.text_fields if fields is None or one.name in fields]
        evaluation = shop.evaluate(
            begun.name, fields=texts or None, captions=captions, questions=asked, progress=progress
        )
        begun.model.save_pretrained(folder, card=evaluation.card())
    index = shop.index(begun.name, progress=progress)
    return FitReport(begun.name, training, evaluation, index, tuple(compared), asked)


class Start(NamedTuple):
    """A model, how it is trained, and what it will be called."""

    model: OpenAutoGLM
    train: TrainConfig
    name: str


def start(
    model: OpenAutoGLM | ModelConfig | Mapping[str, Any] | str | Path | None,
    train: TrainConfig | Mapping[str, Any] | None,
    name: str | None,
    *,
    targets: Sequence[Wanted],
    catalog: Catalog,
    home: Callable[[str | Path], Path | str],
    models: Sequence[str],
    writes: bool = False,
) -> Start:
    """Build what `Workspace.fit` was given.

    Args:
        model, train, name: as there.
        targets: what will be predicted.
        catalog: whose columns a preset will read when there are targets.
        home: finds the folder of one of the workspace's models.
        models: their names, for the message.
        writes: whether it is to learn captions or answers.

    Raises:
        FittingError: if the model or its name cannot be used, or it is to write and cannot.
    """
    import torch

    from openautoglm.model import OpenAutoGLM

    if model is None:
        model = WRITER if writes else READER

    known = isinstance(model, str) and model in preset_names()
    if not isinstance(train, TrainConfig):
        # The recipe of `mini` is for its own small towers; whatever is no preset takes that of `base`.
        keys = dict(train or {})
        if known and targets:
            keys = {"modality_dropout": MODALITY_DROPOUT, **keys}
        train = _changed(load_preset(str(model) if known else "base").train, keys)
    torch.manual_seed(train.seed)  # the fresh weights, too, follow from the seed
    if isinstance(model, OpenAutoGLM):
        built = model
    elif isinstance(model, str | Path) and not known and not str(model).endswith((".json", ".toml")):
        place = home(model)
        if not Path(place).expanduser().is_dir() and "/" not in str(place):
            raise FittingError(
                f"{model!r} is neither a preset ({', '.join(preset_names())}), a configuration file, a "
                f"folder nor a model of this workspace ({', '.join(models) or 'there is none yet'})"
            )
        built = OpenAutoGLM.from_pretrained(place)
    else:
        built = OpenAutoGLM.from_config(_for_targets(str(model), targets, catalog) if known else model)
    named = name or (Path(model).stem if isinstance(model, str | Path) else "model")
    if named != Path(named).name:
        raise FittingError(f"a model's name is one folder name, not {named!r}")
    if built is not model:  # a model that was handed over keeps the towers locked that its owner locked
        built.enable_multimodal_training()
    if writes and not built.writes_captions:
        locked = built.decoder is not None and len(built.looks) > 0
        remedy = (
            "call its enable_multimodal_training() first"
            if locked
            else (
                f"take {WRITER!r} (`--model {WRITER}`, the default with --captions and --questions), or a "
                "configuration with a text_decoder and cross_attention_layers"
            )
        )
        raise FittingError(f"the model {named!r} cannot learn to write captions or answers: {remedy}")
    return Start(built, train, named)


def wanted_targets(given: Sequence[str], catalog: Catalog) -> list[Wanted]:
    """Read `NAME` or `NAME:KIND`.

    Raises:
        FittingError: if the catalogue has no such field, it cannot be a target, or there is no such kind.
    """
    able = [name for name, one in catalog.fields.items() if one.role in ("column", "tags", "text", "group")]
    found = []
    for one in given:
        name, colon, kind = one.partition(":") if one not in catalog.fields else (one, "", "")
        if name not in able:
            raise FittingError(
                f"target {name!r} is no column of the catalogue{nearest(name, able)}; there are: "
                + (", ".join(able) or "none")
            )
        if colon and kind not in get_args(TargetKind):
            kinds = ", ".join(get_args(TargetKind))
            raise FittingError(f"target {one!r}: {kind!r} is no kind of target; choose one of {kinds}")
        found.append(Wanted(name, cast("TargetKind", kind) if colon else None))
    return found


def learn_targets(
    model: OpenAutoGLM, data: TrainingData, targets: Sequence[Wanted], catalog: Catalog
) -> None:
    """Give the model its heads, by what the training rows hold.

    Raises:
        TargetError: if a column cannot be learned, or the model predicts other ones.
    """
    made = [Target.fit(name, data.labels[name], catalog.fields[name].type, kind) for name, kind in targets]
    if model.heads.targets:
        # A model that is trained on keeps the classes that its weights know.
        if list(model.heads.targets) == [one.name for one in made]:
            return
        raise TargetError(
            f"the model predicts {', '.join(model.heads.targets)}; start a new one to predict "
            + ", ".join(one.name for one in made)
        )
    if made:
        model.heads.learn(made)


def _for_targets(preset: str, targets: Sequence[Wanted], catalog: Catalog) -> ModelConfig:
    config = load_preset(preset).model
    if not targets:
        return config
    names = {one.name for one in targets}
    changes: dict[str, Any] = {}
    if config.columns_encoder is None and any(one.name not in names for one in catalog.column_fields):
        changes["columns_encoder"] = "small_columns"
    if config.fusion_strategy is None:
        changes["fusion_strategy"] = "attention"
    return config.changed(**changes)


def _changed(recipe: TrainConfig, keys: Mapping[str, Any]) -> TrainConfig:
    """The recipe with some keys set anew; a batch no larger than its parts is not cut into parts."""
    size, part = keys.get("batch_size"), recipe.micro_batch_size
    if isinstance(size, int) and part is not None and size <= part:
        keys = {"micro_batch_size": None, **keys}
    return recipe.changed(**keys)
