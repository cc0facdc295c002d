"""Questions asked of a model that was really trained on a small shop: in Python and as a process."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.asked_shop import COLOURS, CONFIG, QUARTERS, TRAIN, shop

from openautoglm.asking import UNKNOWN, AskError
from openautoglm.errors import UserError
from openautoglm.evaluate.regions import told
from openautoglm.fitting import FitReport
from openautoglm.workspace import Workspace

RUN = "from openautoglm.cli.app import main; main()"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, FitReport]:
    folder = tmp_path_factory.mktemp("asked")
    made = shop(folder)
    report = made.fit(CONFIG, name="w", train=TRAIN, captions="title", questions=folder / "qa.csv")
    return made, report


@pytest.fixture(scope="module")
def asked(trained: tuple[Workspace, FitReport]) -> Workspace:
    return trained[0]


def truth(workspace: Workspace) -> list[dict[str, str]]:
    """The questions about the test rows; row rNNN has the picture NNN.png."""
    with (workspace.folder.parent / "qa.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {**row, "row": f"r{int(row['image'].removesuffix('.png')):03}"} for row in csv.DictReader(file)
        ]
    return [row for row in rows if int(row["row"][1:]) % 8 == 7]


def run(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200, **options)


def test_answers_are_right_and_confidence_is_calibrated(trained: tuple[Workspace, FitReport]) -> None:
    evaluation = trained[1].evaluation
    assert evaluation is not None
    sections = {(one.task, one.of): one for one in evaluation.writing}
    whole = sections["answers", "all"].figures["exact match"]

    assert whole.value > 0.9 and whole.chance is not None and whole.chance < 0.65
    assert sections["answers", "answer type yes/no"].texts == 40
    assert sections["answers", "question type color"].figures["exact match"].value > 0.9
    assert sections["captions", "all"].figures["token F1"].value > 0.9
    assert "| answers | texts |" in evaluation.as_markdown() and "answers, all, 160" in str(evaluation)
    trust = trained[0].model("w").answering
    assert trust is not None and trust.questions == 160 and "purple" not in trust.words


def test_questions_are_asked_of_rows_files_and_pictures(asked: Workspace) -> None:
    rows = [one for one in truth(asked) if one["question"].startswith("what color")][:8]
    files = [asked.folder.parent / one["image"] for one in rows]
    by_row = asked.ask([one["row"] for one in rows], "What color is the square")
    by_file = asked.ask(files, "what color is the square?")
    by_picture = asked.ask([Image.open(file) for file in files], "what color is the square?")

    assert [one.text for one in by_row] == [one.text for one in by_file] == [one.text for one in by_picture]
    assert sum(one.answer == row["answer"] for one, row in zip(by_row, rows, strict=True)) >= 7
    assert all(0 < one.confidence <= 1 for one in by_row)


def test_where_it_looked_is_where_the_square_is(asked: Workspace) -> None:
    rows = [one for one in truth(asked) if one["question"] == "where is the square?"][:16]
    found = asked.ask([one["row"] for one in rows], "what color is the square?")
    inside = []
    for one, row in zip(found, rows, strict=True):
        assert one.patches is not None and one.patches.sum() == pytest.approx(1, abs=1e-4)
        half = len(one.patches) // 2
        top, left = QUARTERS[row["answer"]]
        inside.append(one.patches[top * half :, left * half :][:half, :half].sum())

    assert np.mean(inside) > 0.33  # a quarter would be chance


@pytest.mark.parametrize(
    ("row", "column", "name"), [(0, 0, "top left"), (1, 2, "middle"), (3, 3, "bottom right"), (2, 0, "left")]
)
def test_a_place_in_the_grid_has_a_name(row: int, column: int, name: str) -> None:
    grid = np.zeros((4, 4), np.float32)
    grid[row, column] = 1
    assert told(grid) == name


def test_strange_words_a_blank_picture_and_doubt_are_no_answers(asked: Workspace) -> None:
    blank = asked.ask(Image.new("RGB", (32, 32), (120, 10, 10)), "what color is the square?")[0]
    french = asked.ask("r007", "de quelle couleur est le carré ?")[0]
    once = asked.ask("r007", "is the square purple?")[0]

    assert blank.answer == UNKNOWN and "one colour" in blank.note
    assert french.answer == UNKNOWN and "couleur" in french.doubt and "carré" in french.unknown
    assert once.unknown == ("purple",)


def test_what_is_asked_wrongly_is_said(asked: Workspace, tmp_path: Path) -> None:
    for question, wrong in (("", "question is empty"), ("  ", "question is empty"), ("?!", "has no words")):
        with pytest.raises(AskError, match=wrong):
            asked.ask("r007", question)
    with pytest.raises(AskError, match=r"'r0077' is neither .*did you mean 'r0"):
        asked.ask("r0077", "what color is it?")
    with pytest.raises(AskError, match=r"'zzzz' is neither the id .*; the ids here look like 'r000'$"):
        asked.ask("zzzz", "what color is it?")
    with pytest.raises(AskError, match=r"is a folder; name the pictures in it, e\.g\. .*\*"):
        asked.ask(tmp_path, "what color is it?")
    by_name = asked.ask("7.png", "what color is the square?")[0]
    assert by_name.text == asked.ask("r007", "what color is the square?")[0].text
    with pytest.raises(AskError, match="no picture was named"):
        asked.ask([], "what color is it?")
    with pytest.raises(AskError, match=r"out.docx: a page is drawn as .png or .html"):
        asked.ask("r007", "what color is it?", out=tmp_path / "out.docx")
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(AskError, match="no.png"):
        asked.ask(tmp_path / "no.png", "what color is it?")
    both = asked.ask(["r007", tmp_path / "no.png"], "what color is the square?")
    assert len(both) == 1 and both.skipped[0].id.endswith("no.png")


def test_pages_and_tables_are_written(asked: Workspace, tmp_path: Path) -> None:
    rows = ["r007", "r015"]
    for name in ("page.html", "page.png", "table.csv", "table.jsonl", "table.parquet"):
        asked.ask(rows, "what color is the square?", out=tmp_path / name)
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.count("<figure>") == 2 and "what color is the square?" in html
    assert Image.open(tmp_path / "page.png").width > 700
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        assert [row["picture"] for row in csv.DictReader(file)] == rows
    lines = (tmp_path / "table.jsonl").read_text(encoding="utf-8").splitlines()
    assert {"answer", "confidence", "question"} <= json.loads(lines[0]).keys()


def test_captions_are_written_piece_by_piece(asked: Workspace) -> None:
    pieces: dict[str, str] = {}
    found = asked.caption(
        ["r007", "r015"], say=lambda row, piece: pieces.update({row: pieces.get(row, "") + piece})
    )

    assert [one.text for one in found] == list(pieces.values()) and list(pieces) == ["r007", "r015"]
    assert all(any(colour in one.text for colour in COLOURS) for one in found)
    assert [one.text for one in asked.caption(["r007", "r015"])] == list(pieces.values())


def test_a_model_that_cannot_write_says_how_to_train_one(asked: Workspace) -> None:
    from openautoglm.model import OpenAutoGLM

    reader = OpenAutoGLM.from_config({"vision_encoder": "small_vision", "text_encoder": "small_text"})
    with pytest.raises(AskError, match=r"cannot write.*of this workspace these do: w"):
        asked.ask("r007", "what color is it?", model=reader)
    with pytest.raises(UserError, match=r"'mini' cannot learn to write.*mini_glm"):
        asked.fit("mini", captions="title")


def test_a_model_that_is_not_there_is_told_with_those_that_are(asked: Workspace) -> None:
    with pytest.raises(UserError, match=r"there is no folder '.*mini_gml' .*; models of this workspace: .*w"):
        asked.ask("r007", "what color is it?", model="mini_gml")


def test_the_model_card_shows_how_to_let_it_write(asked: Workspace) -> None:
    card = (asked.folder / "models" / "w" / "README.md").read_text(encoding="utf-8")
    snippet = card.partition("```python\n")[2].partition("```")[0]
    assert 'model.generate(["photo.jpg"])' in snippet and '[asked("what is it?")]' in snippet
    compile(snippet, "card", "exec")


def test_what_a_model_did_not_learn_to_write_is_refused(tmp_path: Path) -> None:
    brief = {**TRAIN, "steps": 2}
    (tmp_path / "bare").mkdir()
    (tmp_path / "told").mkdir()
    bare, told = shop(tmp_path / "bare", 24, texts=False), shop(tmp_path / "told", 24)
    bare.fit(CONFIG, name="q", train=brief, questions=tmp_path / "bare" / "qa.csv")
    with pytest.raises(UserError, match=r"has no model yet; `autoglm fit shop --captions FIELD --ques"):
        told.ask("r007", "what color is it?")
    with pytest.raises(UserError, match=r"has no model yet; `autoglm fit shop --captions FIELD` trains"):
        told.caption("r007")
    told.fit(CONFIG, name="c", train=brief, captions="title")

    (tmp_path / "titles.csv").write_text("id,title\nt1,a red square\nt2,blue\nt3,green\n", encoding="utf-8")
    bare.add(tmp_path / "titles.csv")
    with pytest.raises(UserError, match="no captions can be learned from title: no row of"):
        bare.fit(CONFIG, train=brief, captions="title", questions=tmp_path / "bare" / "qa.csv")

    with bare.chat(by="words", k=3) as chat:  # of a row without a picture the catalogue tells
        assert chat.say("red square").hits[0].id == "t1"
        found = chat.say("what color is the first?").answer
        assert found is not None
        assert found.source == "catalogue"
    no_captions = run("caption", bare.folder, "r007")
    assert no_captions.returncode == 2
    assert no_captions.stdout == ""
    assert no_captions.stderr == (
        "autoglm: the model learned no captions, so it writes none; "
        "`autoglm fit shop --captions FIELD` trains one that writes them\n"
    )
    no_answers = run("ask", told.folder, "r007", "what color is it?")
    assert no_answers.returncode == 2
    assert "learned no questions, so it answers none; `autoglm fit" in no_answers.stderr
    with told.chat(by="words", k=3) as chat:
        chat.say("square")
        found = chat.say("what color is the first?").answer
        assert found is not None
        assert found.source == "catalogue"
    told.fit("c", name="both", train=brief, questions=tmp_path / "told" / "qa.csv")
    with pytest.raises(AskError, match=r"these do: both \(--model NAME\)"):
        told.ask("r007", "what color is it?", model="c")
    with pytest.raises(AskError, match=r"learned no captions.*these do: both, c \(--model NAME\)"):
        told.caption("r007", model=bare.model("q"))
    assert told.caption("r007", model="both")[0].question is None
    assert "asked(" not in (told.folder / "models" / "c" / "README.md").read_text(encoding="utf-8")


def test_the_commands_answer_and_fail_as_commands_do(asked: Workspace) -> None:
    said = run("ask", asked.folder, "r007", "r015", "what color is the square?")
    assert said.returncode == 0 and said.stdout.count("confidence") == 2, said.stderr
    told_json = run("ask", asked.folder, "r007", "what color is the square?", "--json")
    assert json.loads(told_json.stdout)["said"][0]["picture"] == "r007"
    for alone in ("r007", "what color is it?"):
        missing = run("ask", asked.folder, alone)
        assert missing.returncode == 2
        assert f"a picture and a question are needed, and there is only {alone!r}" in missing.stderr
    empty = run("ask", asked.folder, "r007", "")
    assert empty.returncode == 2 and "question is empty" in empty.stderr
    written = run("caption", asked.folder, "r007", "r015")
    lines = written.stdout.splitlines()
    assert written.returncode == 0 and len(lines) == 2 and lines[0].startswith("r007  a ")


def test_ctrl_c_while_writing_keeps_what_was_written(asked: Workspace) -> None:
    slow = (
        "import time, openautoglm.asking as a\n"
        "real = a.regions\n"
        "a.regions = lambda *x: (time.sleep(0.2), real(*x))[1]\n" + RUN
    )
    rows = [f"r{number:03}" for number in range(300)]
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", slow, "caption", str(asked.folder), *rows],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # A test that runs behind a shell would hand on that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=60)
    assert process.returncode == 130 and first.startswith("r000  a ")
    assert rest.endswith("\n") and "stopped" in err and "Traceback" not in err


def slow(keep: str) -> str:
    """The command line, with a model that writes its first token and then rests, unless the time says so."""
    return (
        "import os, time, openautoglm.context.writing as w, openautoglm.tasks.asking as a\n"
        "step = w.Writing.step\n"
        f"w.Writing.step = lambda *x: (time.sleep({keep}), step(*x))[1]\n" + RUN
    )


def test_ctrl_c_in_a_chat_ends_the_answer_and_not_the_session(asked: Workspace, tmp_path: Path) -> None:
    from tests.terminal import CTRL_C, CTRL_D, Terminal

    flag = tmp_path / "quick"
    code = slow(f"0 if os.path.exists({str(flag)!r}) else 100")
    with Terminal(code, ["chat", asked.folder, "--by", "words", "-k", 3, "--session", "stop"]) as terminal:
        terminal.wait_for("> ")
        terminal.type("red square\n")
        terminal.wait_for("\r\n> ")
        terminal.type("what color is the first?\n")
        terminal.wait_for("the first?\r\nr")  # the answer has begun
        terminal.type(CTRL_C)
        assert "\r\nstopped; the state is as before" in terminal.wait_for("before\r\n> ")
        kept = json.loads((asked.folder / "chats" / "stop.json").read_text(encoding="utf-8"))
        assert kept["turns"] == 1 and kept["state"]["focus"] is None
        flag.touch()
        terminal.type("what color is the first?\n")
        whole = terminal.wait_for("\r\n> ")
        assert "red (the model, " in whole and whole.count("red (") == 1
        terminal.type(CTRL_C)
        terminal.wait_for("Ctrl-C again")
        terminal.wait_for("> ")  # before it, the key would not be read as the end
        terminal.type(CTRL_D)
        assert terminal.end() == 0
        assert "Traceback" not in terminal.shown


def test_words_that_the_model_takes_back_are_said_to_be(asked: Workspace) -> None:
    from tests.terminal import Terminal

    unsure = "import openautoglm.tasks.asking as t\nt.Asking.sure = lambda *_: False\n" + RUN
    with Terminal(unsure, ["chat", asked.folder, "--by", "words", "-k", 3]) as terminal:
        terminal.wait_for("> ")
        terminal.type("red square\n")
        terminal.wait_for("\r\n> ")
        terminal.type("what color is the first?\n")
        said = terminal.wait_for("\r\n> ")
        assert "red … the model is not sure; from the catalogue:\r\ntitle: a red" in said
        terminal.type("/quit\n")
        assert terminal.end() == 0
    turns = "red square\nwhat color is the first?\n"
    piped = run("chat", asked.folder, "--by", "words", input=turns)
    assert piped.returncode == 0 and "red (the model, " in piped.stdout, piped.stderr


def test_ctrl_c_while_a_question_is_answered(asked: Workspace) -> None:
    from tests.terminal import CTRL_C, Terminal

    code = slow("(print('writing', flush=True), 100)[1]")
    with Terminal(code, ["ask", asked.folder, "r007", "what color is the square?"]) as terminal:
        terminal.wait_for("writing")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        assert terminal.shown.endswith("autoglm: stopped\r\n") and "Traceback" not in terminal.shown


@pytest.mark.parametrize("said", ["what is in the second?", "describe the second", "第二个里面有什么？"])
def test_what_is_in_a_row_is_answered_by_a_caption(asked: Workspace, said: str) -> None:
    with asked.chat(by="words", k=5) as chat:
        second = chat.say("red square").hits[1].id
        found = chat.say(said).answer
    assert found is not None and (found.source, found.row) == ("model", second)
    (caption,) = asked.caption(second)
    assert found.value == caption.text and "square" in found.value


def test_a_chat_asks_the_model_about_a_row_and_the_catalogue_where_it_does_not_know(asked: Workspace) -> None:
    with asked.chat(by="words", k=5) as chat:
        first = chat.say("red square").hits[0].id
        seen = chat.say("what color is the first?")
        assert (seen.answer and seen.answer.source, seen.answer and seen.answer.row) == ("model", first)
        assert seen.answer is not None
        assert seen.answer.value == asked.ask(first, "what color is it?")[0].text
        strange = chat.say("what is the bicycle in the first?").answer
        assert strange is not None
        assert strange.source == "catalogue"
        assert strange.row == first


def test_a_picture_that_shows_nothing_has_no_caption_and_a_line(asked: Workspace, tmp_path: Path) -> None:
    white, dot = tmp_path / "white.png", tmp_path / "dot.png"
    Image.new("RGB", (40, 30), "white").save(white)
    Image.new("RGB", (1, 1), "white").save(dot)
    told: list[tuple[str, str]] = []
    found = asked.caption([white, "r007", dot, "r007"], say=lambda *piece: told.append(piece))

    assert [one.answer == UNKNOWN for one in found] == [True, False, True, False]
    starts = [place for place, (_, piece) in enumerate(told) if not piece]
    assert [told[place][0] for place in starts] == [str(white), "r007", str(dot), "r007"]
    assert told[1] == (str(white), f"{UNKNOWN} (the picture is of one colour, nothing can be seen in it)")
    lines = run("caption", asked.folder, white, "r007", dot, "r007").stdout.splitlines()
    assert len(lines) == 4
    assert lines[1] == lines[3] == f"r007  {found[1].text}"
