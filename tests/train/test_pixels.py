"""Pictures are decoded once, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openautoglm.catalog.images import BadImage
from openautoglm.train import pixels
from openautoglm.train.errors import TrainingError
from openautoglm.train.pixels import PixelStore


class Pictures:
    """Squares of one grey each; remembers what it was asked for."""

    def __init__(self) -> None:
        self.decoded: list[int] = []

    def fill(self, store: PixelStore, numbers: range | list[int]) -> list[pixels.Broken]:
        return store.fill({f"{n:08x}": n for n in numbers}, fetch=list, decode=self.decode)

    def decode(self, number: int) -> Image.Image:
        self.decoded.append(number)
        if number % 10 == 9:
            raise BadImage(Path(f"{number}.png"), "truncated")
        return Image.new("RGBA", (4, 4), (number, 0, 255 - number, 128))


def check(store: PixelStore, numbers: range | list[int]) -> None:
    slots = store.slots([f"{n:08x}" for n in numbers])
    for number, slot in zip(numbers, slots, strict=True):
        if number % 10 == 9:
            assert slot == -1
        else:
            assert store.read(np.array([slot]))[0, :, 2, 3].tolist() == [number, 0, 255 - number, 128]


def test_each_picture_is_decoded_once(tmp_path: Path) -> None:
    first, second = Pictures(), Pictures()
    broken = first.fill(PixelStore(tmp_path, 4, "r"), range(25))
    assert [one.reason for one in broken] == ["9.png: truncated", "19.png: truncated"]
    store = PixelStore(tmp_path, 4, "r")
    second.fill(store, range(40))
    assert set(second.decoded) == {9, 19, *range(25, 40)}
    check(store, range(40))


@pytest.mark.parametrize(("data", "keys"), [(7, 0), (0, 5), (100, 20), (0, 9), (64 * 3, 0)])
def test_a_cut_off_tail_is_made_good(tmp_path: Path, data: int, keys: int) -> None:
    """A crash may leave either file short by any number of bytes."""
    Pictures().fill(PixelStore(tmp_path, 4, "r"), range(8))
    for suffix, less in (("rgba", data), ("keys", keys)):
        path = tmp_path / f"pixels-4-r.{suffix}"
        path.write_bytes(path.read_bytes()[: path.stat().st_size - less])
    store = PixelStore(tmp_path, 4, "r")
    assert len(store) < 8
    Pictures().fill(store, range(8))
    check(store, range(8))
    check(PixelStore(tmp_path, 4, "r"), range(8))


def test_a_stop_between_chunks_loses_no_finished_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "CHUNK", 3)
    store, told = PixelStore(tmp_path, 4, "r"), []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fill({f"{n:08x}": n for n in range(8)}, fetch=list, decode=Pictures().decode, progress=stop)
    assert told == [(3, 8), (6, 8)]
    assert len(PixelStore(tmp_path, 4, "r")) == 6


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    one, other = PixelStore(tmp_path, 4, "r"), PixelStore(tmp_path, 4, "r")
    Pictures().fill(one, range(5))
    late = Pictures()
    late.fill(other, range(3, 8))  # opened before `one` wrote; sees its pictures all the same
    assert set(late.decoded) == {5, 6, 7}
    check(other, range(8))
    check(one, range(5))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="MiB in a folder that can be written"):
        Pictures().fill(PixelStore(tmp_path / "file", 4, "r"), range(2))


def test_a_picture_of_another_size_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"came as \(4, 4, 4\)"):
        Pictures().fill(PixelStore(tmp_path, 5, "r"), [1])
