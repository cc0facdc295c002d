"""The system's viewer is started with the files; without a screen or a viewer that is said."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from openautoglm.search.errors import SearchError
from openautoglm.search.viewer import MOST, find_viewer, open_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the viewer of Linux")


@pytest.fixture
def viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `xdg-open` that notes what it was given; one of a file named bad fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "xdg-open").write_text(
        f'#!/bin/sh\n[ "${{1##*/}}" = bad.png ] && exit 3\necho "$1" >> {tmp_path}/opened\n'
    )
    (folder / "xdg-open").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("DISPLAY", ":0")
    return tmp_path / "opened"


def test_files_are_opened_by_their_whole_paths(
    viewer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_files([Path("a b.png"), tmp_path / "图.png"])
    assert sorted(viewer.read_text(encoding="utf-8").splitlines()) == [
        f"{tmp_path}/a b.png",
        f"{tmp_path}/图.png",
    ]


def test_a_viewer_that_stays_is_not_waited_for(
    viewer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "xdg-open").write_text(f"#!/bin/sh\necho $$ > {viewer}\nexec /bin/sleep 20\n")
    monkeypatch.setattr("openautoglm.search.viewer._PATIENCE", 0.3)
    begin = time.monotonic()
    open_files([Path("a.png"), Path("b.png")])
    assert time.monotonic() - begin < 10


def test_a_viewer_that_fails_is_said(viewer: Path) -> None:
    with pytest.raises(SearchError, match=r"xdg-open could not open bad\.png \(it ended with 3\)"):
        open_files([Path("bad.png")])


def test_too_many_windows_are_not_opened(viewer: Path) -> None:
    with pytest.raises(SearchError, match=f"{MOST + 1} pictures .* -k {MOST}"):
        open_files([Path("a.png")] * (MOST + 1))
    assert not viewer.exists()


def test_no_screen_and_no_viewer(viewer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_viewer() == "xdg-open"
    (tmp_path / "bin" / "xdg-open").unlink()
    with pytest.raises(SearchError, match="install the package xdg-utils"):
        find_viewer()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SearchError, match="no screen .* --show draws them in the terminal"):
        find_viewer()
