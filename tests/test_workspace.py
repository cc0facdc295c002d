"""The verbs as methods, which model they take, and what they refuse."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.evaluate.stand_in import catalogue, square
from tests.train.tiny import TINY, tiny_model

from openautoglm.catalog.report import AddReport
from openautoglm.errors import UserError
from openautoglm.evaluate.report import Report
from openautoglm.model import OpenAutoGLM
from openautoglm.search.index import IndexReport
from openautoglm.train.fit import Trainer
from openautoglm.workspace import Workspace
from openautoglm.workspace_models import WorkspaceError

FEW = {"steps": 2, "epochs": None, "batch_size": 4, "precision": "32"}


def make(folder: Path, *, test: bool = False) -> Workspace:
    """Twelve squares with captions, two of them to test on."""
    rows: list[dict[str, object]] = [
        {
            "hue": hue,
            "id": f"r{hue}",
            "title": f"colour {hue}",
            "split": "test" if test and hue < 60 else "train",
        }
        for hue in range(0, 360, 30)
    ]
    return Workspace.open(catalogue(folder, rows).folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the models `a`, then `b`."""
    shop = make(tmp_path_factory.mktemp("trained"))
    for seed, name in enumerate("ab"):
        shop.fit(TINY, name=name, train={**FEW, "seed": seed})
    return shop


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    """A folder elsewhere with a whole model."""
    model = tiny_model(seed=5)
    model.processor.fit_tokenizer(["colour 1", "colour 2"])
    model.save_pretrained(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def test_each_verb_is_a_method_that_tells_what_it_did(tmp_path: Path) -> None:
    shop = make(tmp_path, test=True)
    square(200).save(tmp_path / "pictures" / "30.png")
    added = shop.add()
    assert isinstance(added, AddReport) and (added.added, added.changed) == (0, 1)

    report = shop.fit(TINY, name="tiny", train=FEW)
    assert isinstance(report.evaluation, Report) and isinstance(report.index, IndexReport)
    assert (report.name, report.training.steps, report.index.encoded) == ("tiny", 2, 12)
    assert str(report).splitlines()[0].startswith("model tiny: 2 steps")
    assert (shop.folder / "models" / "tiny" / "report" / "report.json").is_file()
    card = (shop.folder / "models" / "tiny" / "README.md").read_text(encoding="utf-8")
    assert "Retrieval on test rows" in card

    seen = shop.show()
    assert seen.rows == 12 and seen.models == [{"name": "tiny", "default": True}]
    assert list(seen.index.values()) == [12]
    assert shop.evaluate(folder=tmp_path / "report").pictures == 2
    assert (tmp_path / "report" / "report.md").is_file()
    assert (shop.index().encoded, shop.index().reused) == (0, 12)

    hits = shop.search("colour 90", where="id != 'r90'", k=3, sheet=tmp_path / "hits.html")
    assert len(hits) == 3 and "r90" not in {hit.id for hit in hits}
    page = (tmp_path / "hits.html").read_text(encoding="utf-8")
    assert "<h1>colour 90</h1><p>id != &#x27;r90&#x27;</p>" in page


def test_a_finished_training_is_said_to_be_one(trained: Workspace) -> None:
    again = trained.fit(TINY, name="b", train={**FEW, "seed": 1})
    assert again.training.repeated and "had finished before (2 steps" in str(again) and "--anew" in str(again)
    anew = trained.fit(TINY, name="b", train={**FEW, "seed": 1}, resume=False)
    assert not anew.training.repeated and "before" not in str(anew)


def test_a_stopped_training_changes_nothing_but_its_checkpoint(
    trained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trainer.step

    def step(self: Trainer) -> None:
        real(self)
        signal.raise_signal(signal.SIGINT)

    before = trained.default_model, trained.models
    monkeypatch.setattr(Trainer, "step", step)
    report = trained.fit(TINY, name="c", train=FEW)
    assert report.training.interrupted and (report.evaluation, report.index) == (None, None)
    assert "goes on from there" in str(report)
    assert (trained.default_model, trained.models) == before


# ── which model is meant ───────────────────────────────────────────────────────────────────────────────


def test_the_default_model_is_the_last_that_was_trained_or_that_made_the_index(
    trained: Workspace, untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (trained.models, trained.default_model) == (["a", "b"], "b")
    assert trained.model().fingerprint() == trained.model("b").fingerprint()
    trained.index("a")
    assert trained.default_model == "a"
    # A folder elsewhere is remembered so that it is found from anywhere; one that only measures is not.
    monkeypatch.chdir(untrained.parent)
    trained.index("elsewhere")
    assert trained.default_model == str(untrained)
    monkeypatch.chdir("/")
    assert Workspace.open(trained.folder).search("colour 60", k=1)
    trained.evaluate("a", split="train")
    trained.index()
    assert trained.default_model == str(untrained)
    # A model of the workspace may also be named by its folder.
    trained.index(trained.folder / "models" / "b")
    assert trained.model().fingerprint() == trained.model("b").fingerprint()
    trained.index("b")


def test_a_model_is_loaded_once_until_its_file_changes(trained: Workspace) -> None:
    first = trained.model("a")
    assert trained.model("a") is first
    file = trained.folder / "models" / "a" / "model.safetensors"
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert trained.model("a") is not first


def test_without_a_model_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    shop = make(tmp_path)
    for asks in (lambda: shop.search("colour 3"), shop.index, shop.model):
        with pytest.raises(WorkspaceError, match=r"no model yet; `autoglm fit shop` .*`autoglm index shop"):
            asks()


def test_words_are_found_through_a_typo_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("golden bridge", "stone tower"):
        square(10).save(tmp_path / "pictures" / f"{name}.png")
    shop = Workspace.open(tmp_path / "shop", create=True)
    shop.add(tmp_path / "pictures")
    assert [hit.label for hit in shop.search("goldn", by="words")] == ["golden bridge"]
    square(20).save(tmp_path / "pictures" / "market.png")
    shop.add()
    assert [hit.label for hit in shop.search("markt", by="words")] == ["market"]
    version = shop.catalog.dataset.version
    shop.add()
    assert shop.catalog.dataset.version == version


def test_what_was_added_stays_where_another_writer_keeps_its_words_from_the_index(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    square(10).save(tmp_path / "pictures" / "golden bridge.png")
    shop = Workspace.open(tmp_path / "shop", create=True)
    add = shop.catalog.add
    with ExitStack() as stack:

        def added(*sources: Path, **how: Any) -> AddReport:
            report = add(*sources, **how)
            stack.enter_context(shop.catalog.writing())
            return report

        stack.enter_context(pytest.MonkeyPatch.context()).setattr(shop.catalog, "add", added)
        report = shop.add(tmp_path / "pictures")
    assert report.added == 1 and "is being written by process" in report.notes[-1]
    assert len(shop.search("golden", by="words")) == 1


def test_a_default_model_that_has_gone_is_named(tmp_path: Path) -> None:
    shop = make(tmp_path)
    shop.catalog.update_settings(model="gone")
    with pytest.raises(WorkspaceError, match="the model 'gone', .* no longer in its models/.*autoglm fit"):
        shop.search("colour 30")


def test_a_model_that_is_handed_over_is_trained_itself(tmp_path: Path) -> None:
    shop, model = make(tmp_path), tiny_model()
    before = model.fingerprint()
    assert shop.fit(model, train=FEW).name == "model"
    assert model.fingerprint() != before
    assert shop.model().fingerprint() == model.fingerprint()


def test_a_query_does_not_hash_the_weights_again_unless_they_changed(
    trained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.index("b")
    shop = Workspace.open(trained.folder)
    shop.model()  # without it, its text tower alone would answer
    hashed: list[OpenAutoGLM] = []
    real = OpenAutoGLM.fingerprint
    monkeypatch.setattr(OpenAutoGLM, "fingerprint", lambda self: (hashed.append(self), real(self))[1])
    for text in ("colour 30", "colour 60", "colour 90"):
        assert shop.search(text)
    assert len(hashed) == 1

    with torch.no_grad():  # written in place, as an optimizer does
        next(shop.model().parameters()).add_(1.0)
    with pytest.raises(UserError, match="another model made this index"):
        shop.search("colour 30")
    assert len(hashed) == 2

    shop.model().load_state_dict(trained.model("b").state_dict())
    assert shop.search("colour 30") and len(hashed) == 3


# ── what is refused ────────────────────────────────────────────────────────────────────────────────────


def test_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no workspace at .*autoglm add"):
        Workspace.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "shop", tmp_path / "file"):
        with pytest.raises(UserError, match="file"):
            Workspace.open(folder, create=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match=r"not a workspace and holds other things \(letter\.txt"):
        Workspace.open(tmp_path / "mine", create=True)
    made = Workspace.open(tmp_path / "new", create=True)
    assert (made.models, made.default_model, made.show().rows) == ([], None, 0)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, r"config\.json"),
        ('{"model_type": "gpt2"}', "gpt2"),
        ("{", r"config\.json"),
    ],
)
def test_a_wrong_model_folder(trained: Workspace, tmp_path: Path, config: str | None, says: str) -> None:
    before = trained.default_model
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    for asks in (trained.index, trained.evaluate, trained.model, trained.fit):
        with pytest.raises(UserError, match=says):
            asks(tmp_path)
    assert trained.default_model == before


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"model": "minni"}, r"'minni' is neither a preset \(base.* nor a model of this workspace \(a, b\)"),
        ({"name": "a/b"}, "one folder name"),
        ({"train": {"stepps": 3}}, "steps"),
        ({"train": {**FEW, "evaluate_every": 1}}, "validation split, which this catalogue lacks"),
        ({"fields": ["titel"], "train": FEW}, "title"),
        ({"where": "prise < 3", "train": FEW}, "prise"),
    ],
)
def test_a_training_that_makes_no_sense(trained: Workspace, about: dict[str, Any], says: str) -> None:
    before = trained.default_model, trained.models
    with pytest.raises(UserError, match=says):
        trained.fit(**{"model": TINY, **about})
    assert (trained.default_model, trained.models) == before


def test_a_split_or_a_sheet_that_there_is_not(trained: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no split 'tests'; choose one of train, validation, test"):
        trained.evaluate(split="tests")
    with pytest.raises(WorkspaceError, match=r"\.png or \.html"):
        trained.search("colour 3", sheet=tmp_path / "hits.pdf")
