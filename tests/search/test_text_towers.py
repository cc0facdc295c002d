"""A search by words in a fresh process, with a tiny, untrained model: quick where it may be, right always."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.evaluate.stand_in import catalogue
from tests.tiny_models import TEXTS, tiny

from openautoglm.model import OpenAutoGLM
from openautoglm.numpy_towers import text_tower
from openautoglm.search.text_towers import TextTowers
from openautoglm.workspace import Workspace

HEAVY = ("torch", "transformers", "lancedb", "matplotlib")
SEARCH = f"""
import sys
from openautoglm.cli.app import main
sys.argv = ["autoglm", "search", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("heavy:", [name for name in {HEAVY} if name in sys.modules])
"""
SMALL = {"vision_encoder": "small_vision", "text_encoder": "small_text", "embed_dim": 32, "image_size": 32}


def search(*words: object) -> list[str]:
    """The lines of a search in a process of its own."""
    command = [sys.executable, "-c", SEARCH, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """Six colours and an own model, indexed."""
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": f"r{hue}", "title": f"colour {hue}", "split": "test"} for hue in range(0, 360, 60)
    ]
    catalogue(tmp_path, rows)
    torch.manual_seed(0)
    model = OpenAutoGLM.from_config(SMALL)
    model.processor.fit_tokenizer(TEXTS)
    model.save_pretrained(tmp_path / "shop" / "models" / "small")
    shop = Workspace.open(tmp_path / "shop")
    assert shop.index("small").notes == []
    return shop


def test_words_need_neither_torch_nor_lancedb(shop: Workspace) -> None:
    *lines, heavy = search(shop.folder, "colour 120", "-k", 2, "--where", "title != 'colour 0'")
    assert heavy == "heavy: []"
    shop.model()  # from here on the whole model answers
    hits = shop.search("colour 120", k=2, where="title != 'colour 0'")
    assert [line.split()[1:3] for line in lines[:2]] == [[f"{hit.score:.3f}", hit.id] for hit in hits]


def test_a_row_needs_no_torch_and_a_picture_does(shop: Workspace) -> None:
    assert search(shop.folder, "--like", "r120", "-k", 1)[-1] == "heavy: []"
    picture = next((shop.folder.parent / "pictures").iterdir())
    assert "'torch'" in search(shop.folder, "--image", picture, "-k", 1)[-1]


def test_a_description_of_other_weights_is_passed_over(shop: Workspace) -> None:
    folder = shop.folder / "models" / "small"
    stale = (folder / text_tower.FILE).read_bytes()
    model = OpenAutoGLM.from_pretrained(folder)
    with torch.no_grad():
        next(iter(model.project.parameters())).add_(0.1)
    model.save_pretrained(folder)
    (folder / text_tower.FILE).write_bytes(stale)
    again = Workspace.open(shop.folder)
    again.index()  # makes the vectors anew, and the description
    assert (folder / text_tower.FILE).read_bytes() != stale
    assert search(shop.folder, "colour", "-k", 1)[-1] == "heavy: []"
    (folder / text_tower.FILE).write_bytes(stale)
    *lines, heavy = search(shop.folder, "colour", "-k", 1)
    assert "'torch'" in heavy and f"{again.search('colour', k=1)[0].score:.3f}" in lines[0]


def test_a_clip_folder_from_elsewhere_is_not_written_to(shop: Workspace, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    shutil.copytree(tiny("clip"), clip)
    before = sorted(clip.iterdir())
    assert shop.index(clip).notes == []
    assert sorted(clip.iterdir()) == before
    *lines, heavy = search(shop.folder, "colour 120", "-k", 1)
    assert heavy == "heavy: []"
    shutil.rmtree(shop.folder / "cache")  # what is in it may always be deleted
    *again, heavy = search(shop.folder, "colour 120", "-k", 1)
    assert again == lines and "'torch'" in heavy


def test_why_torch_is_needed_is_told(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tower, "small_text", lambda weights, shape, ids: weights["token.weight"][ids[0]])
    folder = shop.folder / "models" / "small"
    (folder / text_tower.FILE).unlink()
    for _ in range(2):  # written down, and told again
        told = str(shop.index())
        assert (
            "each search in a new process will load torch: computed without torch its vectors differ" in told
        )
    assert "why_not" in json.loads((folder / text_tower.FILE).read_text())


def test_no_room_for_the_tower_of_a_model_from_elsewhere_is_no_failure(
    shop: Workspace, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for the full disk."""
    home = tmp_path / "elsewhere"
    shutil.copytree(shop.folder / "models" / "small", home)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        why = TextTowers(shop.folder).describe(OpenAutoGLM.from_pretrained(home), home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert why is not None and "a file would grow past the allowed size" in why
    assert TextTowers(shop.folder).find(home) is None
    assert not list((shop.folder / "cache").rglob("model.safetensors"))
    assert TextTowers(shop.folder).describe(OpenAutoGLM.from_pretrained(home), home) is None
