"""Options of `search` that say what becomes of the hits; what they do is tested in `tests/search`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer
from tests.search.test_files import hits_of, shop

from openautoglm.catalog.catalog import Catalog
from openautoglm.cli.outputs import SHOWN, Outputs, with_auto
from openautoglm.errors import UserError
from openautoglm.search import viewer
from openautoglm.search.terminal import PROTOCOLS

__all__ = ["shop"]  # a fixture


def test_the_ways_to_draw_are_those_that_there_are() -> None:
    assert SHOWN == PROTOCOLS


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["shop", "red"], ["shop", "red"]),
        (["shop", "red", "--show"], ["shop", "red", "--show", "auto"]),
        (["--show", "red"], ["--show", "auto", "red"]),
        (["--show", "-k", "3"], ["--show", "auto", "-k", "3"]),
        (["--show", "iterm", "red"], ["--show", "iterm", "red"]),
        (["--show", "auto", "kitty"], ["--show", "auto", "kitty"]),
        (["--show=sixel", "red"], ["--show=sixel", "red"]),
        (["--", "--show"], ["--", "--show"]),
    ],
)
def test_show_may_stand_alone(given: list[str], meant: list[str]) -> None:
    assert with_auto(given) == meant


@pytest.mark.parametrize("two", [{"json": True, "null": True}, {"csv": True, "show": "kitty"}])
def test_one_thing_is_printed(two: dict[str, object]) -> None:
    with pytest.raises(typer.BadParameter, match="choose one of --"):
        Outputs(**two).check()  # type: ignore[arg-type]


def test_what_cannot_be_done_here_is_said_before_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    if sys.platform == "linux":
        with pytest.raises(UserError, match="no screen"):
            Outputs(open=True).check()
    with pytest.raises(UserError, match="'asci' draws no pictures"):
        Outputs(show="asci").check()
    Outputs(csv=True, copy=Path("a"), link=Path("b")).check()


def test_the_sheet_is_opened_or_else_each_picture(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[list[Path]] = []
    monkeypatch.setattr(viewer, "open_files", lambda files: opened.append(list(files)))
    hits = hits_of(shop, ["ten", "words", "in/jpeg"])
    Outputs(open=True, sheet=tmp_path / "hits.html").also(shop, hits)
    Outputs(open=True).also(shop, hits)
    Outputs(open=True).also(shop, hits_of(shop, ["words"]))
    sheet, (file, inside), nothing = opened
    assert (sheet, file, nothing) == ([tmp_path / "hits.html"], tmp_path / "pictures" / "10.png", [])
    assert inside.suffix == ".jpg" and inside.read_bytes().startswith(b"\xff\xd8")
    inside.unlink()
    inside.parent.rmdir()
    assert "no picture to open" in capsys.readouterr().err


def test_pictures_stand_in_the_list_and_remarks_beside_it(
    shop: Catalog, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hits = hits_of(shop, ["words", "in/jpeg"])
    outputs = Outputs(show="blocks")
    for hit in hits:
        outputs.draw(shop, hit)
    out = capsys.readouterr().out
    assert out.startswith("\x1b[38;2;") and out.endswith("\x1b[0m\n") and out.count("\n") == 18

    Outputs(copy=tmp_path / "a").also(shop, hits)
    seen = capsys.readouterr()
    assert seen.out == f"1 picture copied: {tmp_path / 'a'}\n"
    assert seen.err == "left out words: the row has no picture\n"
    assert Outputs(paths=True).instead(shop, hits) == b""
    assert "left out in/jpeg: its picture lies in the workspace" in capsys.readouterr().err
