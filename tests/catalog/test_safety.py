"""Kills, two writers, folders that cannot be written, disks that are full: nothing added is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from openautoglm.catalog import adding
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.lock import write_lock

Write = Callable[..., Path]
SaveImage = Callable[..., Path]

# Commits of three rows: most of the process's time is then spent inside commits.
ADD = """
import sys
from openautoglm.catalog import adding
from openautoglm.catalog.catalog import Catalog

adding.ROWS_PER_COMMIT = 3
shop = Catalog(sys.argv[1], create=True)
shop.add(sys.argv[2], embed=True, progress=lambda step: print(step.done, flush=True))
"""
SET = """
import sys
from openautoglm.catalog.catalog import Catalog

shop = Catalog(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    shop.update_settings(**{f"{sys.argv[2]}{number}": number})
"""
SMALL_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"


def start_add(folder: Path, source: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ADD, str(folder), str(source)], stdout=subprocess.PIPE)


def test_kill_9_at_any_moment(tmp_path: Path, save_image: SaveImage) -> None:
    rows = 240
    for seed in range(rows):
        save_image(tmp_path / "photos" / f"{seed}.png", seed)
    folder, chance = tmp_path / "shop", random.Random(3)
    kept: set[str] = set()
    for _ in range(6):
        process = start_add(folder, tmp_path / "photos")
        assert process.stdout
        # The first kills fall into the making of the workspace, the later ones between and into commits.
        if kept or chance.random() < 0.5:
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if (folder / "workspace.json").exists():
            found = set(Catalog(folder).read(["id"])["id"].to_pylist())
            assert kept <= found
            kept = found
    assert 0 < len(kept) < rows

    shop = Catalog(folder, create=True)
    report = shop.add(tmp_path / "photos", embed=True)
    assert (report.added, report.changed, report.unchanged) == (rows - len(kept), 0, len(kept))
    assert shop.count() == rows
    assert shop.count("_split IS NULL OR _cluster IS NULL OR _image_bytes IS NULL") == 0
    assert all(shop.load_image(row).size == (12, 8) for row in shop.read().to_pylist())
    assert str(shop.add(tmp_path / "photos", embed=True)) == "+0 ~0 −0"


def test_what_a_killed_writer_left_half_written_is_removed(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", "id,title\n1,a\n")
    shop = Catalog(tmp_path / "shop", create=True)
    shop.add(source)
    orphan = shop.folder / "items.lance" / "data" / "0123456789abcdef.lance"
    orphan.write_bytes(b"half")
    draft = shop.folder / "workspace.json.tmp"
    draft.write_text("{")
    (shop.folder / ".lock").write_text("process 1 (since then)")
    shop.add(write("a.csv", "id,title\n1,a\n2,b\n"))
    assert not orphan.exists()
    assert not draft.exists()
    assert (shop.folder / ".lock").read_text() == ""


def test_a_workspace_whose_making_was_killed(tmp_path: Path, write: Write) -> None:
    (tmp_path / "shop" / "items.lance" / "data").mkdir(parents=True)
    (tmp_path / "shop" / ".lock").write_text("process 1 (since then)")
    shop = Catalog(tmp_path / "shop", create=True)
    assert str(shop.add(write("a.csv", "title\na\n"))) == "+1 ~0 −0"


def test_two_writers_do_not_meet(tmp_path: Path, write: Write, shop: Catalog) -> None:
    source = write("a.csv", "title\na\n")
    with write_lock(shop.folder):
        with pytest.raises(CatalogError, match=rf"being written by process {os.getpid()} \(since 20"):
            shop.add(source)
        assert shop.count() == 0
    assert str(shop.add(source)) == "+1 ~0 −0"


def test_two_processes_that_change_settings_lose_none(shop: Catalog) -> None:
    command = [sys.executable, "-c", SET, str(shop.folder)]
    both = [
        subprocess.Popen([*command, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for key in "ab"
    ]
    for process in both:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert {f"{key}{number}" for key in "ab" for number in range(100)} <= set(shop.settings)


def test_settings_are_written_while_another_process_adds(shop: Catalog) -> None:
    with write_lock(shop.folder):
        shop.update_settings(model="mini")
    assert shop.settings["model"] == "mini"


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", "id,title\n" + "".join(f"{n},t{n}\n" for n in range(2000)))
    process = start_add(tmp_path / "shop", source)
    assert process.stdout
    process.stdout.readline()
    with pytest.raises(CatalogError, match=f"process {process.pid} "):
        Catalog(tmp_path / "shop").add(source)
    process.kill()
    process.wait()
    process.stdout.close()
    Catalog(tmp_path / "shop").add(source)
    assert Catalog(tmp_path / "shop").count() == 2000


def test_a_reader_sees_each_commit_while_another_writes(
    shop: Catalog, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "ROWS_PER_COMMIT", 2)
    reader = Catalog(shop.folder)
    seen = []
    source = write("a.csv", "id,title\n" + "".join(f"{n},t{n}\n" for n in range(7)))
    shop.add(source, progress=lambda step: seen.append(reader.count()))
    assert seen == [0, 0, 2, 2, 4, 4, 6]
    assert reader.count() == 7
    assert [one.name for one in reader.text_fields] == ["title"]


def test_an_interrupted_add_keeps_what_was_committed(
    shop: Catalog, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "ROWS_PER_COMMIT", 2)
    source = write("a.csv", "id,title\n" + "".join(f"{n},t{n}\n" for n in range(9)))

    def stop(step: object) -> None:
        if step.done == 6:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.add(source, progress=stop)
    assert shop.count() == 4
    assert str(shop.add(source)) == "+5 ~0 −0"


def test_a_read_only_workspace_can_be_read_but_not_added_to(plain_user: Path) -> None:
    (plain_user / "a.csv").write_text("title\na\n")
    shop = Catalog(plain_user / "shop", create=True)
    shop.add(plain_user / "a.csv")
    for folder in (shop.folder, *shop.folder.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o555)
    (shop.folder / ".lock").chmod(0o444)
    again = Catalog(shop.folder)
    assert again.count() == 1
    assert again.summary().rows == 1
    with pytest.raises(CatalogError) as caught:
        again.add(plain_user / "a.csv")
    assert str(caught.value).startswith(
        f"cannot write to the workspace {shop.folder}: writing there is not permitted"
    )


def test_a_workspace_cannot_be_made_in_a_closed_folder(plain_user: Path) -> None:
    (plain_user / "closed").mkdir(0o555)
    with pytest.raises(CatalogError, match="writing there is not permitted; change its permissions"):
        Catalog(plain_user / "closed" / "shop", create=True)


def test_no_room_left(tmp_path: Path, save_image: SaveImage) -> None:
    """A limit on the size of files stands in for the full disk, which needs a mount to be made."""
    for seed in range(8):
        save_image(tmp_path / "photos" / f"{seed}.png", seed, size=(60, 60))
    Catalog(tmp_path / "shop", create=True)
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES + ADD, str(tmp_path / "shop"), str(tmp_path / "photos")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"CatalogError: cannot write to the workspace {tmp_path / 'shop'}: " in done.stderr
    assert "everything that was committed before is kept" in done.stderr
    shop = Catalog(tmp_path / "shop")
    shop.add(tmp_path / "photos", embed=True)
    assert shop.count() == 8


def test_pipes_among_the_files_are_listed_and_never_waited_for(tmp_path: Path, save_image: SaveImage) -> None:
    save_image(tmp_path / "photos" / "a.jpg")
    names = ["a.txt", "b.jpg", "c.pdf", "d.mp4", "e.md"]
    for name in names:
        os.mkfifo(tmp_path / "photos" / name)
    code = "import sys; from openautoglm.catalog.catalog import Catalog\n"
    code += "report = Catalog(sys.argv[1], create=True).add(sys.argv[2])\n"
    code += "print(*(f'{one.path}: {one.reason}' for one in report.skipped), report, sep='\\n')"
    command = [sys.executable, "-c", code, str(tmp_path / "shop"), str(tmp_path / "photos")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    *listed, report = done.stdout.splitlines()
    assert report == "+1 ~0 −0, 5 skipped"
    assert len([line for line in listed if "not a file" in line]) == len(names)


def test_a_pipe_is_no_source(tmp_path: Path, shop: Catalog) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(CatalogError, match="neither a file nor a folder"):
        shop.add(tmp_path / "a.csv")
