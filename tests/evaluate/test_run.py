"""`evaluate` on real files: what it measures, what it writes, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.evaluate.stand_in import HueModel, catalogue

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.evaluate.run import EvaluationError, evaluate


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    rows: list[dict[str, object]] = [
        {
            "hue": hue,
            "id": hue,
            "title": f"colour {hue}",
            "title_zh": f"颜色 {hue}",
            "split": split,
            "price": hue,
        }
        for hue, split in zip(range(0, 360, 10), ["test", "test", "validation"] * 12, strict=True)
    ]
    # Its title is the opposite of what it shows: the one query that a perfect model gets wrong.
    rows.append({"hue": 95, "id": "liar", "title": "colour 275", "split": "test", "price": 95})
    rows.append({"hue": 5, "id": "silent", "split": "test", "price": 5})
    return catalogue(tmp_path_factory.mktemp("evaluate"), rows)


def test_figures_are_those_of_the_catalogue(shop: Catalog) -> None:
    report = evaluate(HueModel(), shop)
    title = report.find(field="title")
    assert (title.queries, title.gallery) == (25, 26)
    assert title.figures["recall@1"].value == pytest.approx(24 / 25)
    assert report.find(language="zh").figures["recall@1"].value == 1.0
    assert report.find("image→text", field="title").queries == 25
    assert report.threshold is not None
    card = report.card()
    assert card["Pairs and space"]["alignment"].startswith("0.08")
    assert any(key == "text→image zh recall@1" for section in card.values() for key in section)
    assert "text→image  zh" in str(report)
    assert "validation" in report.threshold_from


def test_where_and_fields_narrow_what_is_measured(shop: Catalog) -> None:
    report = evaluate(HueModel(), shop, where="price < 100", fields=["title_zh"])
    assert {section.name for section in report.sections if section.kind == "field"} == {"title_zh"}
    assert report.pictures == 9
    assert report.threshold_from == "the validation rows of the same condition"


def test_the_threshold_falls_back_to_all_validation_rows(shop: Catalog) -> None:
    assert evaluate(HueModel(), shop, where="price IN (0, 10, 30)").threshold_from == "all validation rows"


def test_the_folder_holds_what_the_report_says(shop: Catalog, tmp_path: Path) -> None:
    curves = tmp_path / "loss.png"
    Image.new("RGB", (4, 4)).save(curves)
    report = evaluate(HueModel(), shop, folder=tmp_path / "report", curves=curves)
    written = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(report.as_dict()))
    assert written["retrieval"][0]["figures"]["recall@1"]["chance"] == pytest.approx(1 / 26)
    assert "A picture is right for a caption" in written["definitions"]["what belongs together"]
    names = {"similarity.png", "curves.png"} | {
        f"{way}-{kind}.png" for way in ("text-to-image", "image-to-text") for kind in ("best", "worst")
    }
    assert set(report.files) == names
    for name in names:
        Image.open(tmp_path / "report" / name).verify()
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "field title_zh = language zh" in text
    assert all(f"![{name}]({name})" in text for name in names)


def test_the_report_repeats_itself(shop: Catalog) -> None:
    assert evaluate(HueModel(), shop).as_dict() == evaluate(HueModel(), shop, batch_size=3).as_dict()


def test_a_broken_picture_is_left_out_and_named(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": f"r{hue}", "title": f"colour {hue}", "split": "test"} for hue in (0, 90, 180)
    ]
    shop = catalogue(tmp_path, rows)
    (tmp_path / "pictures" / "90.png").write_bytes(b"no picture any more")
    report = evaluate(HueModel(), shop, folder=tmp_path / "report")
    assert [broken.id for broken in report.skipped] == ["r90"]
    assert report.find().queries == 2
    assert "`r90`" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert report.threshold is None


def test_training_rows_are_called_what_they_are(shop: Catalog) -> None:
    assert any("not only, test rows" in note for note in evaluate(HueModel(), shop, split=None).notes)


def test_errors_say_what_is_missing(shop: Catalog) -> None:
    with pytest.raises(EvaluationError, match=r"0 train rows.*another split"):
        evaluate(HueModel(), shop, split="train")
    with pytest.raises(EvaluationError, match="'titel'; there are: title, title_zh"):
        evaluate(HueModel(), shop, fields=["titel"])
    with pytest.raises(CatalogError, match="price"):
        evaluate(HueModel(), shop, where="prize < 3")
    with pytest.raises(KeyError, match="language zh"):
        evaluate(HueModel(), shop).find(language="fr")
