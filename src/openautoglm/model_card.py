"""The `README.md` of a saved model: what it is, what was measured, how to use it.

>>> print(model_card({"embed_dim": 256}, parameters=1234567, figures={"recall@1": 0.412}).splitlines()[2])
Image and text embeddings of 256 dimensions, 1.2 million parameters, made with Open-AutoGLM 0.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openautoglm.version import __version__

_CAPTION = ("", 'print(model.generate(["photo.jpg"])[0].text)           # a caption')
_ANSWER = (
    "",
    "from openautoglm.tasks.question_answering import asked",
    "",
    'print(model.generate(["photo.jpg"], [asked("what is it?")])[0].text)',
)


def model_card(
    config: Mapping[str, Any],
    parameters: int,
    figures: Mapping[str, Any],
    *,
    captions: bool = False,
    answers: bool = False,
) -> str:
    """Markdown text.

    Args:
        config: the model's configuration as plain values; what is None or 0 is left out.
        parameters: their number.
        figures: measured figures by name, each a number, a text, or again a mapping (one section each).
        captions: whether it learned to write them.
        answers: whether it learned to answer questions.
    """
    told = {key: value for key, value in config.items() if value not in (None, 0, {}, [])}
    size = f"{parameters / 1e6:,.1f} million" if parameters >= 100_000 else f"{parameters:,}"
    lines = [
        "# Model card",
        "",
        f"Image and text embeddings of {config['embed_dim']} dimensions, {size} parameters, "
        f"made with Open-AutoGLM {__version__}.",
        "",
        "```python",
        "from openautoglm import OpenAutoGLM",
        "",
        'model = OpenAutoGLM.from_pretrained("path/to/this/folder")',
        'pictures = model.encode(images=["photo.jpg"])          # (N, D) unit vectors',
        'similarity = pictures @ model.encode(texts=["golden ginkgo avenue"]).T',
        *(_CAPTION if captions else ()),
        *(_ANSWER if answers else ()),
        "```",
        "",
        "## Configuration",
        "",
        *_table(told, "key", "value"),
        "",
        "## Measured figures",
        "",
    ]
    if not figures:
        lines.append("None: this model was saved without an evaluation.")
    single = {key: value for key, value in figures.items() if not isinstance(value, Mapping)}
    if single:
        lines += [*_table(single, "figure", "value"), ""]
    for title, section in figures.items():
        if isinstance(section, Mapping):
            lines += [f"### {title}", "", *_table(section, "figure", "value"), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: Mapping[str, Any], *head: str) -> list[str]:
    cells = [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items()]
    return [f"| {' | '.join(head)} |", "|---|---|", *cells]


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
