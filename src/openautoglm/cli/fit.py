"""`autoglm fit`: train a model on the catalogue."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from openautoglm.cli.names import (
    Captions,
    Fields,
    QuestionsFile,
    Quiet,
    Where,
    WorkspaceFolder,
    split_names,
)


def fit(
    workspace: WorkspaceFolder,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET|FILE|DIR",
            help="A preset, a configuration (.json, .toml) or a model's folder; by default mini, or mini_glm "
            "with --captions or --questions.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name in the workspace.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Time budget; the schedule follows the clock.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Number of steps; the same seed gives the same model.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, batches and augmentation.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another key of the training's configuration."),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:KIND]", help="A column to predict; KIND is class, tags or number."),
    ] = None,
    captions: Captions = None,
    questions: QuestionsFile = None,
    text: Fields = None,
    where: Where = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Start over, where a training was stopped or had finished.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train, evaluate on the test split, and index. Stopped at any moment, the same command goes on."""
    from openautoglm.workspace import Workspace

    report = Workspace.open(workspace).fit(
        model,
        name=name,
        train=_changes(minutes, steps, seed, set_),
        where=where,
        fields=split_names(text) or None,
        targets=split_names(target),
        captions=split_names(captions) or None,
        questions=questions,
        resume=not anew,
        progress=not quiet,
    )
    typer.echo(str(report))


def _changes(
    minutes: float | None, steps: int | None, seed: int | None, others: list[str] | None
) -> dict[str, Any]:
    """The keys of `TrainConfig` that the command line changes; a budget given replaces the preset's."""
    import json

    changes: dict[str, Any] = {}
    if minutes is not None or steps is not None:
        changes = {"minutes": minutes, "steps": steps, "epochs": None}
    if seed is not None:
        changes["seed"] = seed
    for pair in others or ():
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--set")
        try:
            changes[key] = json.loads(value)
        except ValueError:
            changes[key] = value
    return changes
