"""The command line from the first picture to a sheet of hits, and what it says when something is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from openautoglm.cli.app import main

TINY = {
    "vision_encoder": "small_vision",
    "text_encoder": "small_text",
    "embed_dim": 8,
    "image_size": 16,
    "max_text_length": 8,
    "vocab_size": 300,
    "vision_shape": {"widths": [4, 8], "depths": [1, 1]},
    "text_shape": {"dim": 8, "pairs": 32},
}
FEW = ["--steps", "3", "--set", "batch_size=4", "--set", "optimizer=adamw", "--set", "small_size=null", "-q"]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `autoglm` with some arguments → (exit code, output, errors)."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["autoglm", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of thirty pictures with titles in two languages, two without a picture, one broken."""
    folder = tmp_path_factory.mktemp("source")
    draw = np.random.default_rng(0)
    lines = ["sku,photo,title,title_zh,price,split"]
    for row in range(30):
        Image.fromarray(draw.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(folder / f"{row}.png")
        split = "test" if row % 6 == 5 else "validation" if row % 6 == 4 else "train"
        lines.append(f"s{row},{row}.png,thing number {row},第{row}号东西,{row * 10},{split}")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:60])
    lines += [
        "s30,gone.png,gone,不见了,1,train",
        "s31,broken.png,broken,坏了,2,train",
        "s32,,words only,只有字,3,train",
    ]
    (folder / "things.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return folder


def test_from_a_table_to_a_sheet(say: Any, source: Path, tmp_path: Path) -> None:
    shop, skipped = tmp_path / "shop", tmp_path / "skipped.csv"
    table = source / "things.csv"
    roles = [
        "--image",
        "photo",
        "--text",
        "title,title_zh",
        "--column",
        "price",
        "--id",
        "sku",
        "--split",
        "split",
    ]
    code, out, err = say("add", shop, table, *roles, "--errors", skipped, "-q")
    assert (code, err) == (0, "")
    assert "2 skipped" in out and "gone.png" in skipped.read_text() and "broken.png" in skipped.read_text()

    code, out, _ = say("show", shop, "--json")
    assert code == 0 and json.loads(out)["rows"] == 33
    code, _, err = say("search", shop, "thing")
    assert code == 2 and "autoglm fit" in err

    code, out, err = say("fit", shop, "--model", source / "tiny.json", *FEW)
    assert (code, err) == (0, "") and "model tiny: 3 steps" in out and "33 rows encoded" in out
    again = say("fit", shop, "--model", source / "tiny.json", *FEW)[1]
    assert "had finished before (3 steps" in again and "--anew" in again
    code, out, err = say("evaluate", shop, "--json", "-q")
    assert (code, err) == (0, "") and json.loads(out)["split"] == "test"
    assert (shop / "models" / "tiny" / "report" / "report.md").is_file()
    code, out, _ = say("index", shop, "-q")
    assert code == 0 and "0 rows encoded, 33 reused" in out

    code, out, _ = say("search", shop, "第3号东西", "--where", "price < 50", "-k", 5, "--json")
    page = json.loads(out)
    hits = page["hits"]
    assert code == 0 and len(hits) == 5 and all(hit["row"]["price"] < 50 for hit in hits)
    code, out, _ = say(
        "search", shop, "第3号东西", "--where", "price < 50", "--json", "--after", page["after"]
    )
    assert code == 0 and not {hit["id"] for hit in json.loads(out)["hits"]} & {hit["id"] for hit in hits}
    code, out, _ = say("search", shop, "第3号", "--by", "words", "-k", 3)
    assert code == 0 and "第3号" in out.splitlines()[0]
    assert say("search", shop, "nothingness", "--by", "words")[1].startswith(
        "nothing found: no row has its words"
    )
    empty = tmp_path / "empty.html"
    code, out, err = say("search", shop, "nothingness", "--by", "words", "--json", "--sheet", empty)
    assert (code, err, json.loads(out)["hits"]) == (0, "", []) and "nothing found" in empty.read_text()
    assert say("search", shop, "a", "--by", "looks")[0] == 2
    mixture = ("东西", "--like", hits[0]["id"], "--but", "thing 4", "--minus", "thing 5", "--weight", 0.7)
    code, out, err = say("search", shop, *mixture)
    assert (code, err) == (0, "") and f"  {hits[0]['id']}  " not in out and "more: --after" in out
    for name in ("hits.png", "hits.html"):
        code, out, _ = say("search", shop, "东西", "--image", source / "3.png", "--sheet", tmp_path / name)
        assert code == 0 and len(out.splitlines()) == 12 and (tmp_path / name).stat().st_size > 1000

    found = ("search", shop, "第3号东西", "-k", 3, "--where", "price < 50 AND _image IS NOT NULL")
    code, out, err = say(*found, "--csv")
    assert (code, err) == (0, "") and out.startswith(
        "\ufeffid,score,picture,sku,title,title_zh,price,split\r"
    )
    assert "号东西" in out and len(out.splitlines()) == 4
    paths = say(*found, "--paths")[1].splitlines()
    assert len(paths) == 3 and all(Path(path).is_file() for path in paths)
    assert say(*found, "-0")[1] == "".join(f"{path}\0" for path in paths)
    code, out, err = say(*found, "--copy", tmp_path / "hits", "--link", tmp_path / "links", "--json")
    assert (code, json.loads(out) != [], err.count("3 pictures")) == (0, True, 2)
    assert [file.name[:4] for file in sorted((tmp_path / "hits").iterdir())] == ["001-", "002-", "003-"]
    code, out, err = say(*found, "--show", "-k", 2, "--show", "sixel")
    assert (code, err) == (0, "") and out.count("\x1bP0;1q") == out.count("\x1b\\\n") == 2

    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    fewer = source / "things.csv"
    try:
        fewer.write_text("".join(lines[:-1]), encoding="utf-8")
        assert "−1" in say("add", shop, fewer, *roles, "--prune", "-q")[1]
    finally:
        fewer.write_text("".join(lines), encoding="utf-8")

    for words, told in (
        (("search", shop, " "), "empty"),
        (("search", shop), "nothing to search for"),
        (("search", shop, "a", "--where", "prise < 3"), "price"),
        (("search", shop, "a", "--image", tmp_path / "none.png"), "none.png"),
        (("search", shop, "a", "--sheet", tmp_path / "hits.doc"), ".png"),
        (("search", shop, "a", "--but", "blue"), "--like"),
        (("search", shop, "--like", "nobody"), "nobody"),
        (("search", shop, "a", "--after", "3"), "page"),
        (("search", shop, "a", "--csv", "--json"), "--json, --csv"),
        (("search", shop, "a", "--show"), "the output is none"),
        (("search", shop, "--show", "a", "--where", "price < 3"), "the output is none"),
        ((*found, "--copy", tmp_path / "hits"), "is not written over"),
        (("index", shop, "--model", tmp_path / "nothing"), "nothing"),
        (("index", shop, "--model", source), "config.json"),
        (("evaluate", shop, "--text", "titel"), "title"),
        (("evaluate", shop, "--split", "tests"), "test"),
        (("fit", shop, "--model", "minni"), "mini"),
        (("fit", shop, "--set", "learning_rat=1"), "learning_rate"),
        (("fit", shop, "--set", "schedule=linar"), "linear"),
        (("fit", shop, "--set", "seed"), "KEY=VALUE"),
        (("fit", shop, "--model", source / "tiny.json", "--where", "prise < 3", *FEW), "price"),
        (("fit", shop, "--name", "a/b"), "one folder name"),
    ):
        code, _, err = say(*words)
        assert (code, told in err, "Traceback" in err) == (2, True, False), (words, code, err)


def test_what_cannot_be_a_workspace_is_told(say: Any, source: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for words in (
        ("show", tmp_path / "none"),
        ("add", tmp_path / "new"),
        ("add", tmp_path / "new", tmp_path / "no-such-source"),
        ("add", file / "shop", source / "things.csv"),
        ("add", tmp_path / "newer", source / "things.csv", "--errors", tmp_path / "none" / "errors.csv"),
    ):
        code, _, err = say(*words)
        assert code == 2 and err and "Traceback" not in err, (words, code, err)
    assert not (tmp_path / "newer").exists()  # nothing is added whose errors could not be listed


def test_a_catalogue_that_cannot_be_learned_from_is_told(say: Any, source: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    one.mkdir()
    (one / "red.png").write_bytes((source / "0.png").read_bytes())
    assert say("add", tmp_path / "shop", one, "-q")[0] == 0
    code, _, err = say("fit", tmp_path / "shop", "--model", source / "tiny.json", *FEW)
    assert code == 2 and err.count("autoglm:") == 1 and "Traceback" not in err

    mute = tmp_path / "mute.csv"
    mute.write_text(
        "photo,price\n" + "".join(f"{source}/{row}.png,{row}\n" for row in range(8)), encoding="utf-8"
    )
    assert say("add", tmp_path / "mute", mute, "--image", "photo", "--column", "price", "-q")[0] == 0
    code, _, err = say("fit", tmp_path / "mute", "--model", source / "tiny.json", *FEW)
    assert code == 2 and "without a text" in err and "Traceback" not in err


def test_rows_of_a_database(say: Any, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    with closing(sqlite3.connect(tmp_path / "d.db")) as connection:
        connection.execute("CREATE TABLE p (nr TEXT, foto TEXT, words TEXT, price REAL)")
        connection.execute("INSERT INTO p VALUES ('n1', 'red.png', 'a red square', 2.5)")
        connection.commit()
    url = f"sqlite:///{tmp_path / 'd.db'}"
    given = ["--from-sql", url, "--query", "SELECT * FROM p", "-q"]
    roles = ["--image", "foto", "--text", "words", "--id", "nr"]
    code, out, _ = say("add", tmp_path / "shop", *given, *roles)
    assert code == 0 and "image=foto text=words columns=price id=nr" in out and "+1 ~0 −0" in out
    code, out, _ = say("add", tmp_path / "shop", "-q")
    assert code == 0 and "+0 ~0 −0" in out
    for more, said in (
        (["--from-sql", url], "--query"),
        (["--query", "SELECT 1"], "--from-sql"),
        (["--from-sql", url, "--query", "SELECT x FROM p"], "no such column: x"),
        (["--from-sql", "sqlite:////gone.db", "--query", "SELECT 1"], "there is no file"),
        ([*given, "--image", "fotos"], "fotos"),
    ):
        code, _, errors = say("add", tmp_path / "shop", *more)
        assert code == 2 and said in errors, more


@pytest.mark.parametrize("source", ["gone", "shop", "note.xyz"])
def test_without_a_source_no_workspace_is_made(say: Any, tmp_path: Path, source: str) -> None:
    (tmp_path / "note.xyz").write_text("no table")
    code, _, err = say("add", tmp_path / "shop", tmp_path / source)
    assert code == 2 and source in err
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("name", ["broken.png", "empty.csv", "broken.parquet"])
def test_a_source_that_cannot_be_read_leaves_no_workspace(say: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name == "empty.csv" else b"nothing that it should be")
    code, out, err = say("add", tmp_path / "shop", tmp_path / name, "-q")
    assert code == 2 and name in out + err and "Traceback" not in err
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("verb", ["add", "show", "fit", "evaluate", "predict", "index", "search"])
def test_the_usage_marks_what_may_be_left_out_once(say: Any, verb: str) -> None:
    code, out, _ = say(verb, "--help")
    usage = next(line for line in out.splitlines() if "Usage:" in line)
    assert code == 0 and "[[" not in usage and "]...]" not in usage and "...]" not in usage
