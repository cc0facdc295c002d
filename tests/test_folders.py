"""A folder appears whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from openautoglm.folders import whole_folder


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with whole_folder(target) as new:
        (new / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    (tmp_path / "plain").mkdir()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with whole_folder(target) as new:
        (new / "a").write_text("1")
    with pytest.raises(FileNotFoundError), whole_folder(target) as new:
        (new / "nowhere" / "a").write_text("2")
    assert (target / "a").read_text() == "1"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_not_written_anew_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "model"
    (target / "checkpoints" / "deep").mkdir(parents=True)
    (target / "checkpoints" / "deep" / "last").write_text("state")
    (target / "log").write_text("old log")
    (target / "a").write_text("1")
    with whole_folder(target) as new:
        (new / "a").write_text("2")
    assert (target / "a").read_text() == "2"
    assert (target / "log").read_text() == "old log"
    assert (target / "checkpoints" / "deep" / "last").read_text() == "state"
    assert list(tmp_path.iterdir()) == [target]
