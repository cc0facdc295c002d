"""SQL conditions joined so that each stays whole, whatever it says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from openautoglm.catalog.errors import CatalogError

# What is quoted is no syntax; a doubled quote inside stays inside, as two quoted texts side by side.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
# The engine passes over what is behind `;`, reads a comment to the end, its neighbours with it, and
# breaks down over a placeholder.
_NO_PART = re.compile(r"--|/\*|[;?$]")


def checked(condition: str) -> str:
    """Give the condition back, where it is one and no more.

    Raises:
        CatalogError: if it ends before its text does, has a comment, or a placeholder for a value.

    >>> checked("title = 'what; -- why?'")
    "title = 'what; -- why?'"
    """
    found = _NO_PART.search(_QUOTED.sub("", condition))
    if found:
        raise CatalogError(
            f"where {condition!r}: {found.group()!r} has no place in a condition; texts stand in single "
            "quotes, values are written out"
        )
    return condition


def all_of(*conditions: str | None) -> str | None:
    """Join conditions by AND; those that are None are left out.

    Raises:
        CatalogError: if one is not only a condition (`checked`), or closes a parenthesis that it did not
            open, or the other way round: it would be read together with its neighbours.

    >>> all_of("price < 3 OR sold", None, "_split = 'test'")
    "(price < 3 OR sold) AND (_split = 'test')"
    """
    given = [condition for condition in conditions if condition is not None]
    for condition in given:
        depth = 0
        for sign in re.findall(r"[()]", _QUOTED.sub("", checked(condition))):
            depth += 1 if sign == "(" else -1
            if depth < 0:
                break
        if depth:
            raise CatalogError(f"where {condition!r}: a parenthesis has no partner; close what is opened")
    return " AND ".join(f"({condition})" for condition in given) or None


def one_of(column: str, names: Sequence[str]) -> str | None:
    """Write the condition that a column of texts has one of some values; none where there are none.

    >>> one_of("id", ["a", "it's"])
    "id IN ('a', 'it''s')"
    """
    quoted = ", ".join("'" + one.replace("'", "''") + "'" for one in names)
    return f"{column} IN ({quoted})" if quoted else None
