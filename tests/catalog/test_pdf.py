"""PDFs that matplotlib and Pillow write: pages with a text layer, scans, broken and encrypted files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from tests.evaluate.stand_in import HueModel, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.images import BadImage
from openautoglm.catalog.lettering import font_file
from openautoglm.catalog.pdf import LONGER_SIDE, MAX_TEXT, PdfPage, pages
from openautoglm.search.find import search
from openautoglm.search.index import build_index
from openautoglm.search.query import Query
from openautoglm.search.wanted import Wanted


def write_pdf(path: Path, texts: list[str], size: float = 12) -> Path:
    """A page a text, typeset by matplotlib with a Chinese font."""
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    matplotlib.rcParams["pdf.fonttype"] = 42
    path.parent.mkdir(parents=True, exist_ok=True)
    font = FontProperties(fname=font_file("金"))
    with PdfPages(path, metadata={"CreationDate": None}) as file:
        for text in texts:
            page = Figure(figsize=(4, 6))
            page.text(0.1, 0.5, text, fontproperties=font, fontsize=size)
            file.savefig(page)
    return path


def write_scan(path: Path, count: int, size: tuple[int, int] = (60, 80)) -> Path:
    """Pages that are only pictures, each of one colour."""
    sheets = [Image.new("RGB", size, (40 * number % 256, 90, 200)) for number in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheets[0].save(path, save_all=True, append_images=sheets[1:])
    return path


# A password "x" is needed: the standard handler, revision 2, with the right lengths and a wrong key.
ENCRYPTED = b"""%%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>> endobj
4 0 obj <</Filter/Standard/V 1/R 2/P -4/O<%b>/U<%b>>> endobj
trailer <</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>
""" % (b"11" * 32, b"22" * 32)


PAGELESS = b"""%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[]/Count 0>> endobj
xref
0 3
0000000000 65535 f\x20
0000000009 00000 n\x20
0000000054 00000 n\x20
trailer <</Root 1 0 R/Size 3>>
startxref
100
%%EOF
"""


def test_a_file_without_pages_is_told_whatever_was_read_before(tmp_path: Path) -> None:
    for name, data in (("locked", ENCRYPTED), ("pageless", PAGELESS), ("broken", ENCRYPTED[:60])):
        (tmp_path / name).write_bytes(data)
    for name, says in (("locked", "encrypted"), ("broken", "broken"), ("locked", "encrypted")):
        with pytest.raises(BadImage, match=says):
            list(pages(tmp_path / name))
        with pytest.raises(BadImage, match="a PDF without pages"):
            list(pages(tmp_path / "pageless"))


def test_a_page_is_a_row_with_its_text(shop: Catalog, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "manual.pdf", ["Replace the filter", "金色的银杏大道\n在秋天"])
    assert str(shop.add(path)) == "+2 ~0 −0"
    rows = shop.read().to_pylist()
    assert [(row["id"], row["page"], row["document"]) for row in rows] == [
        ("manual.pdf#page=1", 1, "manual"),
        ("manual.pdf#page=2", 2, "manual"),
    ]
    assert [row["text"] for row in rows] == ["Replace the filter", "金色的银杏大道在秋天"]
    assert [field.name for field in shop.text_fields] == ["text"]
    assert (rows[0]["_width"], rows[0]["_height"]) == (1067, LONGER_SIDE)
    picture = shop.load_image(rows[1])
    assert picture.size == (1067, LONGER_SIDE)
    ink = np.asarray(picture.convert("L")) < 128
    # The words are drawn where they stand: the left of the middle, nowhere near the top.
    assert ink.sum() > 500 and not ink[:300].any()


def test_pdfs_in_a_folder_stand_beside_its_pictures(shop: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    write_scan(folder / "sub/scan.PDF", 2)
    Image.new("RGB", (5, 5)).save(folder / "a.png")
    assert str(shop.add(folder)) == "+3 ~0 −0"
    rows = {row["id"]: row for row in shop.read().to_pylist()}
    assert set(rows) == {"docs/a.png", "docs/sub/scan.PDF#page=1", "docs/sub/scan.PDF#page=2"}
    scan = rows["docs/sub/scan.PDF#page=2"]
    assert (scan["folder"], scan["file"], scan["document"], scan["page"]) == ("sub", "scan.PDF", "scan", 2)
    # A page without a text layer is a row all the same; its text is nothing, not "".
    assert "text" not in scan or scan["text"] is None
    assert shop.load_image(scan).getpixel((20, 20)) == pytest.approx((40, 90, 200), abs=3)
    # The same PDF named alone is not taken twice.
    report = shop.add(folder / "sub/scan.PDF")
    assert (report.added, report.changed) == (0, 0)
    assert "2 pictures are rows of another source already" in report.notes[0]


def test_nothing_is_rendered_to_learn_that_nothing_changed(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pdf(tmp_path / "manual.pdf", ["one", "two", "three"])
    shop.add(path)
    rendered: list[int] = []
    frames = PdfPage.frames
    monkeypatch.setattr(PdfPage, "frames", lambda self: (rendered.append(self.number), frames(self))[1])
    version = shop.dataset.version
    assert shop.add(path).unchanged == 3
    assert (rendered, shop.dataset.version) == ([], version)

    write_pdf(path, ["one", "two, revised"])
    report = shop.add(path, prune=True)
    assert (report.changed, report.removed) == (2, 1)
    assert sorted(rendered) == [1, 2]


def test_broken_and_encrypted_files_are_listed_and_the_rest_is_added(shop: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    write_scan(folder / "good.pdf", 1)
    (folder / "broken.pdf").write_bytes((folder / "good.pdf").read_bytes()[:300])
    (folder / "empty.pdf").touch()
    (folder / "locked.pdf").write_bytes(ENCRYPTED)
    report = shop.add(folder)
    assert report.added == 1
    assert {Path(one.path or "").name: one.reason for one in report.skipped} == {
        "broken.pdf": "broken, or no PDF",
        "empty.pdf": "broken, or no PDF",
        "locked.pdf": "encrypted; save a copy without a password",
    }


def test_a_document_that_broke_keeps_its_rows_even_when_pruning(shop: Catalog, tmp_path: Path) -> None:
    path = write_scan(tmp_path / "scan.pdf", 2)
    shop.add(path)
    path.write_bytes(b"%PDF-1.4 no more")
    report = shop.add(path, prune=True)
    assert (report.removed, report.gone, shop.count()) == (0, 2, 2)
    assert "nothing was pruned" in report.notes[0]
    with pytest.raises(BadImage, match="broken, or no PDF"):
        shop.load_image({"id": "scan.pdf#page=1"})


def test_a_page_that_fails_is_listed_alone(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its box has no extent, so there is nothing to draw it on; the other page is as it should be.
    path = tmp_path / "odd.pdf"
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
        b"2 0 obj <</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>> endobj\n"
        b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 100 50]>> endobj\n"
        b"4 0 obj <</Type/Pag/Parent 9 0 R>> endobj\n"
        b"trailer <</Root 1 0 R>>\n"
    )
    report = shop.add(path)
    assert report.added == 1
    assert "page 2 cannot be drawn" in report.skipped[0].reason


def test_pages_keep_their_own_turn_and_large_ones_their_bound(tmp_path: Path) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    document.new_page(7000, 3500).close()
    document.new_page(30, 60).set_rotation(90)
    document.save(tmp_path / "plans.pdf")
    document.close()
    assert PdfPage(tmp_path / "plans.pdf", 1).picture().size == (LONGER_SIDE, LONGER_SIDE // 2)
    assert PdfPage(tmp_path / "plans.pdf", 2).picture().size == (240, 120)  # 288 dpi, lying
    with pytest.raises(BadImage, match="has 2 pages and no page 3"):
        PdfPage(tmp_path / "plans.pdf", 3).picture()
    with pytest.raises(BadImage, match="file not found"):
        PdfPage(tmp_path / "none.pdf", 1).picture()


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "long.pdf", ["\n".join(["many words on this line " * 5] * 80)], size=2)
    (page,) = pages(path)
    assert page.text and len(page.text) == MAX_TEXT


def test_kept_pages_need_the_file_no_more(shop: Catalog, tmp_path: Path) -> None:
    path = write_scan(tmp_path / "scan.pdf", 2)
    shop.add(path, embed=True)
    assert shop.add(path, embed=True).unchanged == 2
    before = shop.load_image({"id": "scan.pdf#page=2"})
    path.unlink()
    assert shop.load_image({"id": "scan.pdf#page=2"}) == before


def test_a_table_may_name_pages(shop: Catalog, tmp_path: Path) -> None:
    write_scan(tmp_path / "scan.pdf", 2)
    (tmp_path / "pages.csv").write_text("id,photo,title\na,scan.pdf#page=2,second\nb,scan.pdf#page=9,none\n")
    from openautoglm.catalog.schema import Roles

    report = shop.add(tmp_path / "pages.csv", roles=Roles(image="photo"))
    assert report.skipped[0].reason == "has 2 pages and no page 9"
    assert shop.load_image({"id": "a"}).getpixel((9, 9)) == pytest.approx((40, 90, 200), abs=3)


MEMORY = """
import sys, psutil
from pathlib import Path
from openautoglm.catalog.pdf import pages
process, seen = psutil.Process(), []
for one in pages(Path(sys.argv[1])):
    one.page.picture()
    seen.append(process.memory_info().rss)
print(max(seen[40:]) - seen[20])
"""


def test_many_pages_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    noise = [
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (300, 300, 3), np.uint8))
        for number in range(120)
    ]
    noise[0].save(tmp_path / "long.pdf", save_all=True, append_images=noise[1:], quality=95)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "long.pdf")], capture_output=True, text=True, check=True
    )
    # Kept, 80 rendered pages would be 600 MiB, and what PDFium keeps of an open file 9 MiB.
    assert int(done.stdout) < 6 << 20


def test_pages_of_text_are_no_near_copies(shop: Catalog, tmp_path: Path) -> None:
    lines = ["\n".join(f"{n} {row} so it was said" for row in range(30)) for n in range(6)]
    shop.add(write_pdf(tmp_path / "book.pdf", lines))
    assert shop.read(["_near"])["_near"].to_pylist() == [None] * 6
    assert str(shop.add()) == "+0 ~0 −0"


def test_a_screenshot_finds_its_page(shop: Catalog, tmp_path: Path) -> None:
    sheets = [square(hue, 80) for hue in (20, 110, 200, 290)]
    sheets[0].save(tmp_path / "scan.pdf", save_all=True, append_images=sheets[1:])
    shop.add(tmp_path / "scan.pdf")
    build_index(HueModel(), shop)
    shot = PdfPage(tmp_path / "scan.pdf", 3).picture().crop((3, 3, 60, 50))
    shot.save(tmp_path / "shot.jpg")
    assert (
        search(HueModel(), shop, Query.of(image=tmp_path / "shot.jpg"), Wanted(k=1))[0].id
        == "scan.pdf#page=3"
    )
    assert (
        search(HueModel(), shop, Query.of(image=f"{tmp_path}/scan.pdf#page=2"), Wanted(k=1))[0].id
        == "scan.pdf#page=2"
    )


def test_words_are_read_on_pages_too(shop: Catalog, tmp_path: Path) -> None:
    from openautoglm.catalog.reading import read_words

    path = write_scan(tmp_path / "scan.pdf", 2)
    shop.add(path)
    read = read_words(shop._store, lambda image: f"{image.size}")
    assert (read.pictures, read.lost) == (2, 0)
    write_scan(path, 3)  # other pages now: what lies there is not what the rows speak of
    shop.merge_columns(shop.read(["id"]).append_column("_ocr_hash", pa.array([None, None], pa.string())))
    assert read_words(shop._store, lambda image: "x").lost == 2


def test_without_pdfium_it_says_what_to_install(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    report = shop.add(write_scan(tmp_path / "scan.pdf", 2))
    assert "pip install 'openautoglm[pdf]'" in report.skipped[0].reason
