"""The child process that draws an SVG: `svg_child.py SIDE [FONT FAMILY] < drawing.svg > drawing.png`.

It imports nothing of Open-AutoGLM, so that it starts quickly. What resvg gets is not the file, but
what expat read of it, written anew: entities resolved, no DTD, no comments, no reference to anything
outside. Thereby the parser that checks and the parser that draws cannot disagree. Exits with 1 and a
sentence on standard error when the drawing is refused.
"""

from __future__ import annotations

import contextlib
import re
import sys
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

SECONDS = 5
MEMORY = 1 << 30
_ENTITY = 4096
_LENGTH = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(px|mm|cm|in|pt|pc)?")
_INSIDE = re.compile(r"#|data:image/(png|jpe?g|gif|webp)[;,]", re.IGNORECASE)


class Refused(Exception):  # noqa: N818 - a sentence for the parent
    """A drawing that is not drawn."""


def rewrite(data: bytes) -> tuple[str, bool]:
    """Write the document anew with nothing but its elements, attributes and texts.

    Returns:
        The document, and whether there are letters to draw.

    >>> rewrite(b'<svg><image href="/etc/passwd" x="1"/><use href="#a"/></svg>')
    ('<svg><image x="1"></image><use href="#a"></use></svg>', False)
    """
    parts: list[str] = []
    has_letters = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal has_letters
        local = name.rpartition(":")[2]
        if not parts and local != "svg":
            raise Refused(f"its first element is {local!r}, not 'svg'")
        has_letters = has_letters or local == "text"
        attributes = attributes if parts else attributes | _enlarged(attributes)
        kept = (
            f" {key}={quoteattr(value)}"
            for key, value in attributes.items()
            if key.rpartition(":")[2].lower() != "href" or _INSIDE.match(value.strip())
        )
        parts.append(f"<{name}{''.join(kept)}>")

    def entity(name: str, is_parameter: bool, value: str | None, *_: str | None) -> None:
        if is_parameter or value is None:
            raise Refused(f"its entity {name!r} lies outside of the file")
        if "&" in value or len(value) > _ENTITY:
            raise Refused(f"its entity {name!r} grows when it is used")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: parts.append(f"</{name}>")
    parser.CharacterDataHandler = lambda text: parts.append(escape(text))
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Refused(f"its XML is broken ({error})") from error
    return "".join(parts), has_letters


def _enlarged(root: dict[str, str]) -> dict[str, str]:
    """State the drawing's size a thousandfold: resvg rounds it to whole pixels before it makes it fit.

    >>> _enlarged({"viewBox": "0 0 3 2"}), _enlarged({"viewBox": "0 0 3 2", "width": "6mm", "height": "4mm"})
    ({'width': '3000', 'height': '2000'}, {'width': '6000mm', 'height': '4000mm'})
    """
    box = [_LENGTH.fullmatch(one) for one in root.get("viewBox", "").replace(",", " ").split()]
    if len(box) != 4:
        return {}
    stated = [_LENGTH.fullmatch(root.get(name, "").strip()) for name in ("width", "height")]
    sides = stated if all(stated) else box[2:]
    enlarged = (f"{float(side[1]) * 1000:.9g}{side[2] or ''}" for side in sides if side)
    return dict(zip(("width", "height"), enlarged, strict=False))


def main(side: str, font: str | None = None, family: str | None = None) -> bytes:
    """Draw standard input, under limits; returns the PNG."""
    _limit()
    return draw(sys.stdin.buffer.read(), int(side), font, family)


def draw(data: bytes, side: int, font: str | None = None, family: str | None = None) -> bytes:
    """Draw an SVG as PNG that fits into a square of `side` pixels; limits are the caller's care.

    Raises:
        Refused: if it is broken or unsafe.
    """
    import resvg_py

    text, has_letters = rewrite(data)
    options: dict[str, str | list[str]] = {}
    if has_letters and font and family:
        generic = ("font", "serif", "sans_serif", "cursive", "fantasy", "monospace")
        options = {f"{kind}_family": family for kind in generic} | {"font_files": [font]}
    try:
        # Both sides given: the drawing fits into the square and keeps its shape.
        return resvg_py.svg_to_bytes(
            svg_string=text,
            width=side,
            height=side,
            dpi=96,  # its default of 0 makes nothing of millimetres
            skip_system_fonts=True,
            **options,  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise Refused(str(error)) from error


def _limit() -> None:
    with contextlib.suppress(ImportError):  # Windows has no such limits; there the clock is the limit
        import resource

        limits = {"CPU": SECONDS, "AS": MEMORY, "CORE": 0}
        for name, most in limits.items():
            with contextlib.suppress(ValueError, OSError):  # a lower limit is there already
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(main(*sys.argv[1:]))
    except MemoryError:
        sys.exit("it takes more than 1 GiB")
    except Refused as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        sys.exit(f"ModuleNotFoundError: {error}")
