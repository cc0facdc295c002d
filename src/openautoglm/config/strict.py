"""What every configuration keeps to: typed, frozen, unknown keys refused, mistakes told in sentences.

>>> class Size(Strict):
...     side: PositiveInt = 32
>>> Size.parse({"sides": 48})
Traceback (most recent call last):
openautoglm.config.strict.ConfigError: unknown key 'sides' (value 48); did you mean 'side'?
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from openautoglm.errors import UserError

Fraction = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]


class ConfigError(UserError, ValueError):
    """The configuration cannot be used. `problems` lists each reason as one sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems) if len(problems) < 2 else "\n- ".join(("", *problems)))
        self.problems = problems


MOST_NAMES = 60
"""Valid names that a message lists; more of them hide what went wrong."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` with the known word closest to `word`, else `; valid: A, B, …`.

    >>> nearest("infonec", ["infonce", "siglip"])
    "; did you mean 'infonce'?"
    >>> nearest("x", map(str, range(100, 1000)))[-21:]
    '158, 159 and 840 more'
    """
    names = sorted(known)
    if not names:
        return ""
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return f"; valid: {', '.join(names[:MOST_NAMES])}{more}"


class Strict(BaseModel):
    """A configuration object: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(*_sentences(type(self), error)) from None

    @classmethod
    def parse(cls, source: Self | Mapping[str, Any] | str | Path) -> Self:
        """Read a mapping, or a `.json` or `.toml` file."""
        if isinstance(source, cls):
            return source
        if isinstance(source, (str, Path)):
            source = _read_file(Path(source))
        if not isinstance(source, Mapping):
            raise ConfigError(f"a configuration is a mapping of keys to values, not {source!r}")
        if strange := [key for key in source if not isinstance(key, str)]:
            raise ConfigError(
                f"key {strange[0]!r} is not a string{nearest(str(strange[0]), cls.model_fields)}"
            )
        return cls(**source)

    def changed(self, **values: Any) -> Self:
        """A copy with some keys set anew, checked as a whole."""
        return type(self).parse({**self.as_dict(), **values})

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `parse` reads them back to an equal object."""
        return self.model_dump(mode="json")


def _read_file(path: Path) -> Any:
    if path.suffix not in (".json", ".toml"):
        raise ConfigError(f"{path}: a configuration file ends in .json or .toml")
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # both parsers' errors, and text that is not UTF-8
        raise ConfigError(f"{path}: not valid {path.suffix[1:].upper()}: {error}") from None


def _sentences(cls: type[BaseModel], error: ValidationError) -> list[str]:
    """Pydantic's findings as sentences, one a key: key, value, nearest valid."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False):
        # Of a union, pydantic reports every member, each with its own type as the last part of the place.
        key = ".".join(str(part) for part in item["loc"] if str(part) not in _UNION_MEMBERS)
        value, context, kind = item["input"], item.get("ctx", {}), item["type"]
        inner = context.get("error")
        if isinstance(inner, ConfigError):
            for problem in inner.problems:
                found[f"{key}: {problem}"] = f"{key}: {problem}" if key else problem
        elif kind == "extra_forbidden":
            found[key] = f"unknown key {key!r} (value {value!r}){nearest(key, cls.model_fields)}"
        elif kind == "missing":
            found[key] = f"key {key!r} is missing"
        elif kind == "literal_error":
            found[key] = (
                f"{key} {value!r} is not valid{nearest(str(value), _QUOTED.findall(context['expected']))}"
            )
        elif bound := next((name for name in _BOUNDS if name in context), None):
            found[key] = f"{key} {value!r} is out of range; nearest valid: {_BOUNDS[bound]}{context[bound]}"
        else:
            wanted = item["msg"].removeprefix("Input should be ")
            found[key] = (
                f"{found[key]} or {wanted}" if key in found else f"{key} {value!r} should be {wanted}"
            )
    return list(found.values())


_QUOTED = re.compile(r"'([^']*)'")
_BOUNDS = {"ge": "", "le": "", "gt": "above ", "lt": "below "}
_UNION_MEMBERS = {"int", "float", "str", "list[int]"}
