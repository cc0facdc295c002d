"""The site is built without a broken link, asks nothing of other machines, and shows what commands made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tools.site_docstrings import shown

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_SCREEN = re.compile(r"<!-- screen: (.+?) -->\n(.*?)<!-- /screen -->", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return folder


class Fetched(HTMLParser):
    """What a browser loads of itself when it opens a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.addresses.append(given.get("href") or "")
        elif tag != "a":
            self.addresses.append(given.get("src") or "")


def test_nothing_is_fetched_from_elsewhere_when_a_page_is_opened(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= len(list(DOCS.glob("*.md")))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not [one for one in Fetched(text).addresses if re.match(r"(https?:)?//", one)], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), (
            sheet.name
        )


def test_docstrings_come_with_their_examples_and_papers(site: Path) -> None:
    parts = (site / "parts.html").read_text(encoding="utf-8")
    assert 'href="https://arxiv.org/abs/1807.03748"' in parts
    python = (site / "api.html").read_text(encoding="utf-8")
    assert "<blockquote>" not in parts + python, "a doctest became a quotation"
    for name in (
        "OpenAutoGLM",
        "Workspace",
        "Catalog",
        "Query",
        "Results",
        "Hit",
        "ModelConfig",
        "TrainConfig",
    ):
        assert re.search(rf'id="openautoglm\.[\w.]*\.{name}"', python), name


def test_a_doctest_becomes_a_block_of_code() -> None:
    text = "One.\n\n>>> f(1)\n2\n\n>>> g()\n\nThe end."
    assert shown(text) == "One.\n\n```pycon\n>>> f(1)\n2\n```\n\n```pycon\n>>> g()\n```\n\nThe end."


def test_papers_of_how_it_works_are_those_of_the_code() -> None:
    page = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"arxiv\.org/abs/([\d.]+)\)", page))
    assert named
    assert not [paper for paper in named if f"arXiv:{paper}" not in source]


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_a_screen_shows_its_own_command(page: Path) -> None:
    for command, block in _SCREEN.findall(page.read_text(encoding="utf-8")):
        assert block.startswith(f"\n```console\n$ {command}\n"), f"{command}: run make screens"
        assert str(ROOT) not in block


def test_each_picture_stands_beside_the_command_that_makes_it() -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")}
    for picture in sorted((DOCS / "images").iterdir()):
        shown = [text for text in pages.values() if f"](images/{picture.name})" in text]
        assert shown, f"no page shows {picture.name}"
        for text in shown:
            after = text.partition(f"](images/{picture.name})")[2].split("\n\n")[1]
            assert f"--sheet docs/images/{picture.name}" in text or re.search(r"`make [\w-]+`", after)
