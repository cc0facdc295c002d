"""Progress is told on standard error, now and then where there is no terminal."""

from __future__ import annotations

import pytest

from openautoglm.train import progress
from openautoglm.train.progress import Bar


def test_a_log_gets_lines_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar("training") as bar:
        for done in range(100):
            bar.tell("training", done, 100, "loss 1.5")
        bar.say("going on")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["training 0% loss 1.5", "going on"]


def test_an_unknown_total_has_no_share(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    with Bar("adding") as bar:
        bar.tell("photos", 3, None)
    assert capsys.readouterr().err.splitlines() == ["photos"]


def test_hidden_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar("training", shown=False) as bar:
        bar.tell("training", 1, 2)
        bar.say("hello")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("terminal", [False, True])
def test_brackets_in_a_title_are_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "100")
    with Bar("adding") as bar:
        bar.tell("adding photos [old]", 1, 2, "[bold]")
        bar.say("skipped [red] b.png")
    err = capsys.readouterr().err
    assert all(shown in err for shown in ("photos [old]", "[bold]", "skipped [red] b.png"))
