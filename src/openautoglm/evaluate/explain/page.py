"""An explanation as one page: `.png` for reports, `.html` to read, copy from and send.

    the picture under its heat map        gates and effects of the modalities
    the words, each in its colour         curves: the score as parts are hidden and shown
    the columns by effect

Red raises the score, blue lowers it.
"""

from __future__ import annotations

from pathlib import Path

from openautoglm.catalog.errors import writing_file
from openautoglm.evaluate.explain.explanation import Explanation

FORMS = (".png", ".html")


def draw(explanation: Explanation, path: Path) -> Path:
    """Write the page; its folder is made when it is missing.

    Raises:
        ValueError: for another suffix.
        CatalogError: if the file cannot be written.
    """
    if path.suffix.lower() not in FORMS:
        raise ValueError(f"{path}: an explanation is drawn as {' or '.join(FORMS)}")
    with writing_file(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".html":
            from openautoglm.evaluate.explain.page_html import render

            path.write_text(render(explanation), encoding="utf-8")
        else:
            from openautoglm.evaluate.explain.page_png import paint

            paint(explanation).save(path)
    return path
