"""Pictures and workspaces that the tests of the catalogue are made of."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openautoglm.catalog.catalog import Catalog

SaveImage = Callable[..., Path]


@pytest.fixture
def save_image() -> SaveImage:
    """Save a picture that depends on `seed` only; folders are made."""

    def save(path: Path, seed: int = 0, size: tuple[int, int] = (12, 8), **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return save


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "shop", create=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a text file into the test's folder."""

    def write_text(name: str, text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    return write_text


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A folder of a user without privileges, who the test then is: root may write everywhere."""
    # What is imported late may lie where only root can read it.
    import lance
    import pyarrow.parquet

    assert lance and pyarrow.parquet
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(was)
        for inside in folder.rglob("*"):
            if inside.is_dir():
                inside.chmod(0o777)
        shutil.rmtree(folder)
