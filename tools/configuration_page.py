"""Write the page of all configuration keys from the types that check them, or check that it is current.

    src/openautoglm/config/*.py    keys, types, bounds, defaults, docstrings  ─┐
    src/openautoglm/presets/*.json what each preset sets                      ─┴─▶ docs/configuration.md

`make docs` writes; `--check` (part of `make lint`) writes nothing and fails when the page differs.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from openautoglm.config import AugmentConfig, ModelConfig, Strict, TrainConfig, load_preset, preset_names

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "configuration.md"

_NAMES = {int: "whole number", float: "number", str: "name", bool: "true or false"}
_BOUNDS = {Ge: "≥", Gt: ">", Le: "≤", Lt: "<"}

_HEAD = """# Configuration

<!-- written by tools/configuration_page.py from src/openautoglm/config/ -->

Every key there is. The model's are a mapping in Python, a `.json` or `.toml` file that holds them alone,
or a preset's name: `OpenAutoGLM.from_config("model.toml")`, `autoglm fit shop --model model.toml`. Those of
the training are set one by one, `autoglm fit shop --set batch_size=128`, or in Python,
`shop.fit("mini", train={"batch_size": 128})`.

A key that does not exist, a value of the wrong type, and a value that would do nothing are refused, and the
message names the nearest valid one.
"""

_PRESETS = """
## What the presets set

Whatever a preset does not name has the default above. What each costs is told in [profile.md](profile.md),
what each is for in [models.md](models.md#presets).
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for cls, title in (
        (ModelConfig, "The model"),
        (TrainConfig, "The training"),
        (AugmentConfig, "Variation of pictures"),
    ):
        parts.append(f"\n## {title}\n\n`{cls.__name__}`. {inspect.getdoc(cls)}\n\n{table(cls)}")
    parts.append(_PRESETS)
    for name in preset_names():
        preset = load_preset(name)
        own = {"model": _set(preset.model), "train": _set(preset.train)}
        parts.append(f"\n### {name}\n\n```json\n{_lines(own)}\n```\n")
    return "".join(parts)


def table(cls: type[Strict]) -> str:
    """The keys of one configuration: type with bounds, default, docstring."""
    meanings = docstrings(cls)
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in cls.model_fields.items():
        if name not in meanings:
            sys.exit(f"{cls.__name__}.{name} has no docstring in src/openautoglm/config/; write one below it")
        lines.append(f"| `{name}` | {kind(field)} | {_default(field)} | {meanings[name]} |")
    return "\n".join(lines) + "\n"


def docstrings(cls: type) -> dict[str, str]:
    """The text below each of a class's attributes, in one line; Python itself does not keep it."""
    body = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        one.target.id: " ".join(below.value.value.split())
        for one, below in pairwise(body.body)
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(below.value.value, str)
    }


def kind(field: FieldInfo) -> str:
    """Say what a field takes.

    >>> kind(TrainConfig.model_fields["batch_size"])
    'whole number ≥ 2'
    >>> kind(TrainConfig.model_fields["precision"])
    '`32`, `bf16`'
    """
    return _kind(field.annotation, field.metadata)


def _kind(annotation: Any, metadata: list[Any]) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, UnionType):
        kinds = [_kind(one, metadata) for one in get_args(annotation) if one is not NoneType]
        return " or ".join([*dict.fromkeys(kinds), *(["none"] if NoneType in get_args(annotation) else [])])
    if hasattr(annotation, "__metadata__"):  # Annotated, below a union
        inner = annotation.__metadata__
        return _kind(
            get_args(annotation)[0], [part for one in inner for part in getattr(one, "metadata", [one])]
        )
    if origin is dict:
        return "mapping"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping, [below](#variation-of-pictures)"
    bounds = [
        f"{sign} {getattr(one, cls.__name__.lower()):g}"
        for one in metadata
        for cls, sign in _BOUNDS.items()
        if isinstance(one, cls)
    ]
    return " ".join([_NAMES[annotation], ", ".join(bounds)]).strip()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "–"
    value = field.get_default()
    if value is None:
        return "none"
    if isinstance(value, Strict):
        return "its defaults"
    return f"`{value}`" if isinstance(value, str | dict) else f"{value:g}"


def _set(given: Strict) -> dict[str, Any]:
    """The keys that differ from their defaults."""
    return given.model_dump(mode="json", exclude_defaults=True)


def _lines(values: dict[str, dict[str, Any]]) -> str:
    """JSON with a key a line and what belongs to it beside it."""
    parts = []
    for name, keys in values.items():
        inner = ",\n".join(f'    "{key}": {json.dumps(value)}' for key, value in keys.items())
        parts.append(f'  "{name}": {{\n{inner}\n  }}')
    return "{\n" + ",\n".join(parts) + "\n}"


def main() -> None:
    """Write, or with `--check` compare."""
    text = page()
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if "--check" in sys.argv[1:]:
        if not current:
            sys.exit(f"docs/{PAGE.name} differs from src/openautoglm/config/; run: make docs")
    elif not current:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
