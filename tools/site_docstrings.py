"""Docstrings as the site shows them: doctests become blocks of code, papers become links.

    a doctest             a block of code between ```pycon and ```
    arXiv:1807.03748      [arXiv:1807.03748](https://arxiv.org/abs/1807.03748)

Markdown would take `>>>` for three quotations, one in another. This is an extension of Griffe, which reads
the sources for mkdocstrings; `mkdocs.yml` names it.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)
_PAPER = re.compile(r"\barXiv:(\d{4}\.\d{4,5})")


def shown(text: str) -> str:
    """Rewrite a docstring for Markdown.

    >>> shown("See arXiv:1807.03748, eq. 4.")
    'See [arXiv:1807.03748](https://arxiv.org/abs/1807.03748), eq. 4.'
    """
    text = _DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
    return _PAPER.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


class Docstrings(griffe.Extension):
    """Rewrites every docstring once it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite that of one object."""
        if obj.docstring is not None:
            obj.docstring.value = shown(obj.docstring.value)
