"""Texts from strangers on a terminal: what would steer it, or break the line, is written out.

File names and captions may hold line feeds, escape sequences that colour, move or retitle a terminal, and
signs that turn the direction of writing. They are shown as Python writes them: `new\\nline.jpg`.
"""

from __future__ import annotations

import re

# C0, DEL and C1 controls; line and paragraph separators; marks of direction; halves of surrogate pairs,
# which stand for bytes of a name that is not UTF-8.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Write a text so that it stays on its line.

    >>> print(printable("new\nline, \x1b[31mred, 银杏"))
    new\nline, \x1b[31mred, 银杏
    """
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    r"""Write a text of several lines in one.

    >>> one_line("A bridge\r\n  over a lake\x07")
    'A bridge over a lake\\x07'
    """
    return printable(re.sub(r"\s+", " ", text).strip())
