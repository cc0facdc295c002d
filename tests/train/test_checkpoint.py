"""Whatever happens while writing, a whole checkpoint is there."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

import pytest
import torch

from openautoglm.train.checkpoint import Checkpoints, write_atomic
from openautoglm.train.errors import TrainingError


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    assert kept.load(kept.last) is None
    kept.save(kept.last, {"steps": 3, "weights": {"w": torch.arange(3)}})
    state = kept.load(kept.last)
    assert state is not None and state["steps"] == 3 and state["weights"]["w"].tolist() == [0, 1, 2]
    assert [path.name for path in kept.folder.iterdir()] == ["last.pt"]


@pytest.mark.parametrize(("code", "advice"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "writable")])
def test_a_failed_write_leaves_the_old_one(tmp_path: Path, code: int, advice: str) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(code, "no")

    with pytest.raises(TrainingError, match=advice):
        write_atomic(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_torch_on_a_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        return
    (tmp_path / "last.pt.writing").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match="free some space"):
        write_atomic(tmp_path / "last.pt", lambda file: torch.save({"w": torch.zeros(10**6)}, file))


def test_what_is_no_checkpoint_is_said(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.folder.mkdir()
    kept.last.write_bytes(b"something else")
    with pytest.raises(TrainingError, match=r"last\.pt: not a checkpoint"):
        kept.load(kept.last)


def test_another_runs_checkpoint_is_set_aside(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    assert kept.set_aside() is None
    kept.save(kept.last, {"steps": 3})
    kept.save(kept.best, {"steps": 2})
    aside = kept.set_aside()
    assert aside is not None and torch.load(aside) == {"steps": 3}
    assert kept.load(kept.last) is None and kept.load(kept.best) is None
