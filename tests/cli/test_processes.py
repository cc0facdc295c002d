"""The command line as a process: Ctrl-C, a closed pipe, and training that goes on where it was stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.evaluate.stand_in import catalogue
from tests.train.tiny import TINY

RUN = "from openautoglm.cli.app import main; main()"
STEPS = 120


def start(*words: object, code: str = RUN) -> subprocess.Popen[str]:
    """Start `autoglm` with one thread, so that equal trainings are equal to the bit."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of coloured squares with captions, all in the train split, and a tiny configuration."""
    rows: list[dict[str, object]] = [
        {"hue": hue, "title": f"colour {hue}", "split": "train"} for hue in range(0, 360, 15)
    ]
    catalogue(tmp_path, rows)
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return tmp_path


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the training's diary has its first line."""
    while process.poll() is None and not (file.is_file() and file.stat().st_size):
        time.sleep(0.005)


def test_ctrl_c_saves_and_the_same_command_ends_with_the_same_weights(source: Path) -> None:
    recipe = ["--steps", STEPS, "--set", "batch_size=8", "--set", "checkpoint_every=null", "-q"]
    command = ["fit", source / "shop", "--model", source / "tiny.json", *recipe]

    stopped = start(*command, "--name", "stopped")
    wait_for(source / "shop" / "models" / "stopped" / "log.jsonl", stopped)
    stopped.send_signal(signal.SIGINT)
    code, out, err = end(stopped)
    assert (code, err) == (0, "")
    assert "model stopped: stopped after " in out and "the same command goes on from there" in out
    steps = int(out.partition("stopped after ")[2].split()[0])
    assert 10 <= steps < STEPS
    weights = [source / "shop" / "models" / name / "model.safetensors" for name in ("stopped", "whole")]
    assert not weights[0].exists()

    for name in ("stopped", "whole"):
        code, out, err = end(start(*command, "--name", name))
        assert code == 0 and f"model {name}: {STEPS} steps in " in out, err
        assert all(line.startswith("autoglm: step ") for line in err.splitlines()), err
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_ctrl_c_outside_training_says_what_is_kept(source: Path) -> None:
    waiting = (
        "import signal, time; from openautoglm.workspace import Workspace\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a runner may have it ignored
        "Workspace.show = lambda self: (print('ready', flush=True), time.sleep(100))\n"
    )
    process = start("show", source / "shop", code=waiting + RUN)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    code, out, err = end(process)
    assert (code, out) == (130, "")
    assert err == "autoglm: stopped; what was finished is kept, and the same command goes on from there\n"


def test_a_closed_pipe_ends_it_quietly(source: Path) -> None:
    process = start("show", source / "shop")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # long before it has anything to print
    assert process.wait(120) == 0
    assert process.stderr.read() == ""


def test_a_full_disk_behind_the_output_is_said(source: Path) -> None:
    if not Path("/dev/full").exists():
        return
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", RUN, "show", str(source / "shop")]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "autoglm: the disk is full; free some space, then run the same command again\n"


def test_an_unknown_option_is_a_usage_error(source: Path) -> None:
    code, out, err = end(start("show", source / "shop", "--jsn"))
    assert (code, out) == (2, "")
    assert "--jsn" in err and "--json" in err and "Traceback" not in err


def test_a_closed_pipe_costs_no_list_of_what_was_skipped(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"broken")
    process = start("add", tmp_path / "shop", tmp_path / "photos", "-q", "--errors", tmp_path / "skipped.csv")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(120) == 0
    assert "broken.png" in (tmp_path / "skipped.csv").read_text(encoding="utf-8-sig")
