"""Run the commands that stand in the pages, and show below each what it printed and drew.

    <!-- screen: autoglm search runs/demo/shop rain --by words --sheet docs/images/rain.png -->
    (this tool writes the command, what it printed, and the picture, if one was drawn into docs/images)
    <!-- /screen -->

`make screens` runs it. The workspace `runs/demo/shop` is that of `make demo`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SCREEN = re.compile(r"(<!-- screen: (autoglm .+?) -->\n).*?(<!-- /screen -->)", re.DOTALL)
_WIDTH = 110


def fill(text: str) -> str:
    """The text with all its screens made anew."""
    return SCREEN.sub(lambda found: found[1] + screen(found[2]) + found[3], text)


def screen(command: str) -> str:
    """One command, run in the repository's root, as Markdown."""
    words = shlex.split(command)
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run(
        [program, *words[1:]],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(_WIDTH), "NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        sys.exit(f"{command}\nended with {done.returncode}:\n{done.stderr}")
    return shown(command, done.stdout)


def shown(command: str, printed: str) -> str:
    r"""What a page shows of a command.

    >>> print(shown("autoglm show shop", "6 rows\n"), end="")
    <BLANKLINE>
    ```console
    $ autoglm show shop
    6 rows
    ```
    <BLANKLINE>
    """
    # A path of this machine says nothing to a reader; a mark in front of CSV is for Excel.
    lines = printed.replace(f"{ROOT}/", "").removeprefix("\ufeff").split("\n")
    body = "\n".join(line.rstrip() for line in lines).rstrip()
    picture = re.search(r"--sheet docs/(images/\S+\.png)", command)
    drawn = f"![What the command above drew]({picture[1]})\n\n" if picture else ""
    return f"\n```console\n$ {command}\n{body}\n```\n\n{drawn}"


def main() -> None:
    """Make the screens of all pages."""
    for page in sorted(DOCS.glob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = fill(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(f"written: docs/{page.name}")


if __name__ == "__main__":
    main()
