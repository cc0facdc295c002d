"""The contact sheet as one HTML file: pictures inside, no script, nothing fetched.

The page holds what the PNG holds. Text is real text (to search, copy, and be read aloud), the
grid narrows to two columns on a phone, and colours follow the reader's light or dark mode.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from openautoglm.catalog.contact_sheet import Line, Tile

_THUMB = 320

_STYLE = """
:root { color-scheme: light dark; --page: #f6f6f3; --card: #fff; --edge: #e6e4df; --ink: #22252a;
  --soft: #71757d; --faint: #eceae5; --query: #eef2f8; --bar: #9db2cf; --square: #f7f7f5;
  --right: #3c9a6c; --wrong: #cf6a5d; }
@media (prefers-color-scheme: dark) { :root { --page: #17181a; --card: #212327; --edge: #33363b;
  --ink: #e8e8e6; --soft: #9a9ea6; --faint: #33363b; --query: #232b38; --bar: #6f8bb3; --square: #26282c; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; }
header { max-width: 70rem; margin: 0 auto 1.25rem; }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600; line-height: 1.3; text-wrap: balance; }
header p { margin: .25rem 0 0; color: var(--soft); }
main { display: grid; gap: .8rem; max-width: 70rem; margin: auto;
  grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); }
@media (max-width: 40rem) { main { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
figure { position: relative; margin: 0; padding: .7rem; background: var(--card);
  border: 1px solid var(--edge); border-radius: 12px; overflow-wrap: anywhere; }
figure.query { background: var(--query); }
figure.text { display: flex; flex-direction: column; justify-content: center; }
.right, .wrong { border-color: currentColor; box-shadow: 0 0 0 1px currentColor; }
.right { color: var(--right); } .wrong { color: var(--wrong); }
.right::after, .wrong::after { position: absolute; top: .35rem; right: .35rem; width: 1.3rem; height: 1.3rem;
  border-radius: 50%; background: currentColor; text-align: center; line-height: 1.3rem; font-size: .8rem; }
.right::after { content: "✓"; text-shadow: 0 0 0 #fff; -webkit-text-fill-color: #fff; }
.wrong::after { content: "✕"; -webkit-text-fill-color: #fff; }
img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 6px; }
img.clear { background: repeating-conic-gradient(var(--square) 0 25%, transparent 0 50%) 0 0 / 16px 16px; }
main > .line { grid-column: 1 / -1; display: flex; align-items: center; gap: .8rem; margin: .4rem 0;
  color: var(--soft); }
.line::after { content: ""; flex: 1; height: 1px; background: var(--bar); }
figcaption { margin-top: .5rem; color: var(--ink); }
figure.text figcaption { margin: 0; }
figcaption p { margin: 0; overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 2; }
figure.text p:first-of-type { -webkit-line-clamp: 6; font-size: 1.15em; }
figcaption p + p { color: var(--soft); font-size: .82em; }
.score { display: flex; align-items: center; gap: .5rem; color: var(--soft); font-size: .8em;
  font-variant-numeric: tabular-nums; }
.score i { flex: 1; height: 3px; border-radius: 2px; background:
  linear-gradient(var(--bar), var(--bar)) 0 0 / var(--share) 100% no-repeat var(--faint); }
"""


def render_page(tiles: Sequence[Tile | Line], *, title: str, columns: int) -> str:
    """Write the whole file."""
    first, _, rest = title.strip().partition("\n")
    notes = "".join(f"<p>{escape(note)}</p>" for note in rest.splitlines())
    figures = "\n".join(_line(tile) if isinstance(tile, Line) else _figure(tile) for tile in tiles)
    return (
        '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(first) or 'Contact sheet'}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(first)}</h1>{notes}</header>\n"
        f'<main style="--columns: {columns}">\n{figures}\n</main>\n</body>\n</html>\n'
    )


def _line(line: Line) -> str:
    return f'<p class="line">{escape(line.text)}</p>'


def _figure(tile: Tile) -> str:
    kinds = [tile.mark or "", "text" if tile.image is None else ""]
    name = escape(tile.lines[0]) if tile.lines else ""
    picture = "" if tile.image is None else _img(tile.image, name)
    score = "" if tile.score is None else _score(tile.score)
    lines = "".join(f'<p title="{escape(line)}">{escape(line)}</p>' for line in tile.lines)
    return (
        f'<figure class="{" ".join(kinds).strip()}">{picture}<figcaption>{score}{lines}</figcaption></figure>'
    )


def _score(score: float) -> str:
    share = min(max(score, 0.0), 1.0)
    return f'<div class="score">{score:.3f}<i style="--share: {share:.1%}"></i></div>'.replace(">-", ">−")


def _img(image: Image.Image, name: str) -> str:
    clear = image.has_transparency_data
    thumb = image.convert("RGBA" if clear else "RGB")
    thumb.thumbnail((_THUMB, _THUMB), Image.Resampling.LANCZOS)
    held = io.BytesIO()
    thumb.save(held, "WEBP", quality=85)
    data = base64.b64encode(held.getvalue()).decode("ascii")
    kind = ' class="clear"' if clear else ""
    return f'<img{kind} alt="{name}" src="data:image/webp;base64,{data}">'
