"""The page as one HTML file: its picture inside, no script, nothing fetched.

It holds what the PNG holds. Text is real text, one column on a phone, and colours follow the reader's light
or dark mode.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from openautoglm.evaluate.explain.explanation import SHOWN, Explanation, number, signed
from openautoglm.evaluate.explain.faithful import Curves
from openautoglm.evaluate.explain.heat import DEEPEST, LOWERS, RAISES, draw_heat, fitted
from openautoglm.evaluate.explain.notes import (
    CURVES,
    KEY,
    headline,
    heat_note,
    modalities_heads,
    modalities_note,
    rest_note,
    unread_note,
)

_LARGEST = 720
_STYLE = f"""
:root {{ color-scheme: light dark; --page: #f6f6f3; --card: #fff; --edge: #e6e4df; --ink: #22252a;
  --soft: #71757d; --faint: #eceae5; --gate: #9db2cf; --random: #c9c5bd;
  --raises: {RAISES[0]}, {RAISES[1]}, {RAISES[2]}; --lowers: {LOWERS[0]}, {LOWERS[1]}, {LOWERS[2]}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --page: #17181a; --card: #212327; --edge: #33363b;
  --ink: #e8e8e6; --soft: #9a9ea6; --faint: #33363b; --gate: #6f8bb3; --random: #55585e;
  --raises: 226, 98, 78; --lowers: 96, 150, 228; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; }}
header, main {{ max-width: 58rem; margin: 0 auto; }}
h1 {{ margin: 0; font-size: 1.5rem; font-weight: 600; line-height: 1.3; text-wrap: balance; }}
header p {{ margin: .25rem 0 0; color: var(--soft); }}
main {{ display: grid; gap: .9rem; margin-top: 1.1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }}
main > div {{ display: grid; gap: .9rem; }}
section {{ padding: 1rem; background: var(--card); border: 1px solid var(--edge); border-radius: 12px;
  overflow-wrap: anywhere; }}
h2 {{ margin: 0 0 .6rem; font-size: .85rem; font-weight: 400; color: var(--soft); }}
section p {{ margin: .6rem 0 0; font-size: .85rem; color: var(--soft); }}
section p.said {{ color: var(--ink); }}
p + svg {{ margin-top: .8rem; }}
img, svg {{ display: block; width: 100%; border-radius: 6px; }}
.words {{ display: flex; flex-wrap: wrap; gap: .3rem; }}
.words span {{ padding: .1rem .4rem; border-radius: 4px; background: rgba(var(--colour), var(--share)); }}
.words small {{ display: block; color: var(--soft); }}
table {{ width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; font-weight: 400; overflow-wrap: normal; }}
.columns th {{ overflow-wrap: anywhere; }}
th, td {{ padding: .15rem .5rem .15rem 0; vertical-align: baseline; }}
td {{ white-space: nowrap; }}
td.value {{ text-align: right; }}
td:last-child {{ padding-right: 0; }}
td.bar {{ width: 36%; }} .columns td.bar {{ width: 45%; }}
td.bar i {{ display: block; height: .8em; background:
  linear-gradient(var(--fill), var(--fill)) var(--from) 0 / var(--size) 100% no-repeat var(--faint); }}
tr.absent, tr.head {{ color: var(--soft); }}
svg path {{ fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }}
.deletion {{ stroke: rgb(var(--lowers)); }} .insertion {{ stroke: rgb(var(--raises)); }}
.random {{ stroke: var(--random); }}
svg text {{ font-size: 11px; fill: var(--soft); }}
"""


def render(explanation: Explanation) -> str:
    """Write the whole file."""
    seen = [
        _section("Picture", _picture(explanation)),
        _section("Words", _words(explanation)),
        _section("Columns", _columns(explanation)),
    ]
    told = [
        _section("Modalities", _modalities(explanation)),
        _section("Faithfulness", _curves(explanation)),
    ]
    columns = "".join(f"<div>{''.join(part)}</div>\n" for part in (seen, told) if any(part))
    title = escape(explanation.asked)
    return (
        '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{title}</h1><p>{escape(headline(explanation))}</p><p>{KEY}</p></header>\n"
        f"<main>\n{columns}</main>\n</body>\n</html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>" if body else ""


def _picture(explanation: Explanation) -> str:
    image, patches = explanation.image, explanation.patches
    if image is None or patches is None:
        return ""
    heat = draw_heat(image, patches, fitted(image, _LARGEST))
    name = f"heat map of row {escape(explanation.row)}"
    return f'<img alt="{name}" src="{_data(heat)}">{_note(heat_note(explanation))}'


def _data(image: Image.Image) -> str:
    held = io.BytesIO()
    image.save(held, "WEBP", quality=88)
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode('ascii')}"


def _words(explanation: Explanation) -> str:
    if not explanation.words:
        return ""
    spans = []
    for one in explanation.words:
        share = DEEPEST * min(1.0, abs(one.effect) / (explanation.largest or 1.0))
        colour = "raises" if one.effect > 0 else "lowers"
        style = f"--colour: var(--{colour}); --share: {share:.3f}"
        spans.append(f'<span style="{style}">{escape(one.name)}<small>{signed(one.effect)}</small></span>')
    return f'<div class="words">{"".join(spans)}</div>{_note(unread_note(explanation))}'


def _modalities(explanation: Explanation) -> str:
    told = modalities_heads(explanation)
    gate = "<td>gate</td><td></td>" if explanation.gated else ""
    rows = [f'<tr class="head"><td></td>{gate}{_values(told)}</tr>']
    for one in explanation.modalities:
        bar = "" if one.gate is None else f"{_bar('var(--gate)', 0.0, one.gate)}<td>{one.gate:.2f}</td>"
        kind = "" if one.present else ' class="absent"'
        rows.append(f"<tr{kind}><th>{one.name}</th>{bar}{_values(one.told[: len(told)])}</tr>")
    return f"<table>{''.join(rows)}</table>{_note(modalities_note(explanation))}"


def _values(texts: Sequence[str]) -> str:
    return "".join(f'<td class="value">{text}</td>' for text in texts)


def _columns(explanation: Explanation) -> str:
    if not explanation.columns:
        return ""
    rows = []
    for one in explanation.columns[:SHOWN]:
        share = one.effect / (explanation.largest or 1.0) / 2
        colour = f"rgb(var(--{'raises' if share > 0 else 'lowers'}))"
        bar = _bar(colour, min(0.5, 0.5 + share), abs(share))
        name = f"<th>{escape(one.label)}</th>"
        rows.append(f'<tr>{name}{bar}<td class="value">{signed(one.effect)}</td></tr>')
    return f'<table class="columns">{"".join(rows)}</table>{_note(rest_note(explanation))}'


def _bar(colour: str, start: float, size: float) -> str:
    """A bar from `start` over `size`, shares of the cell's width."""
    # A background's position is that of its free room.
    place = start / (1 - size) if size < 1 else 0.0
    return f'<td class="bar"><i style="--fill: {colour}; --from: {place:.1%}; --size: {size:.1%}"></i></td>'


def _curves(explanation: Explanation) -> str:
    if not explanation.curves:
        return ""
    charts = [
        f'{_chart(curves)}<p class="said">{escape(check)}.</p>'
        for curves, check in zip(explanation.curves.values(), explanation.checks, strict=True)
    ]
    return f"{''.join(charts)}<p>{CURVES}</p>"


def _chart(curves: Curves) -> str:
    low, high = curves.range
    paths = []
    for name, line in curves.lines.items():
        points = zip((curves.counts / curves.counts[-1]).tolist(), line.tolist(), strict=True)
        spots = " L".join(
            f"{44 + 350 * share:.1f} {8 + 70 * (high - score) / ((high - low) or 1):.1f}"
            for share, score in points
        )
        paths.append(f'<path d="M{spots}" class="{name.replace("_", " ")}"/>')
    labels = f'<text x="0" y="12">{number(high)}</text><text x="0" y="82">{number(low)}</text>'
    return f'<svg viewBox="0 0 400 86" role="img" aria-label="{_ALT}">{labels}{"".join(paths)}</svg>'


_ALT = "the score as parts are hidden and shown"


def _note(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""
