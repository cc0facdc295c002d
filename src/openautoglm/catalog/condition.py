"""SQL conditions joined so that each stays whole, whatever it says."""

from __future__ import annotations

import re

from openautoglm.catalog.errors import CatalogError

# What is quoted is no syntax; a doubled quote inside stays inside, as two quoted texts side by side.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


def all_of(*conditions: str | None) -> str | None:
    """Join conditions by AND; those that are None are left out.

    Raises:
        CatalogError: if one closes a parenthesis that it did not open, or the other way round: it
            would be read together with its neighbours.

    >>> all_of("price < 3 OR sold", None, "_split = 'test'")
    "(price < 3 OR sold) AND (_split = 'test')"
    """
    given = [condition for condition in conditions if condition is not None]
    for condition in given:
        depth = 0
        for sign in re.findall(r"[()]", _QUOTED.sub("", condition)):
            depth += 1 if sign == "(" else -1
            if depth < 0:
                break
        if depth:
            raise CatalogError(f"where {condition!r}: a parenthesis has no partner; close what is opened")
    return " AND ".join(f"({condition})" for condition in given) or None
