"""The documents say what is there: links resolve, options exist, every name of a tower is told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

from openautoglm.cli.app import app
from openautoglm.config import preset_names
from openautoglm.encoders.names import NAMES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")])
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
VERBS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z0])(?![\w-])")
_COMMAND = re.compile(r"\bautoglm (\w+)([^`\n]*)")


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    heads = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def options_of(verb: str) -> set[str]:
    return {
        "--help",
        *(
            name
            for one in VERBS[verb].params
            for name in one.opts + one.secondary_opts
            if name.startswith("-")
        ),
    }


def section(verb: str) -> str:
    """What `commands.md` says of a verb."""
    return COMMANDS.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", _FENCED.sub("", page.read_text(encoding="utf-8")))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: {link} names no heading of {target.name}"


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_told_with_all_its_options_and_no_others(verb: str) -> None:
    table = "\n".join(line for line in section(verb).splitlines() if line.startswith("| `"))
    told = {option for line in table.splitlines() for option in _OPTION.findall(line.split("|")[1])}
    assert told == options_of(verb) - {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_documents_can_be_typed(page: Path) -> None:
    for verb, rest in _COMMAND.findall(page.read_text(encoding="utf-8")):
        if verb in VERBS:
            unknown = set(_OPTION.findall(rest.partition("#")[0])) - options_of(verb)
            assert not unknown, f"{page.name}: autoglm {verb} has no {', '.join(sorted(unknown))}"


def commands(page: Path) -> list[str]:
    """What a page tells to type: lines in blocks of code and cells of tables that begin with `autoglm`."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(_FENCED.findall(text)).replace("\\\n", " ")
    typed = re.findall(r"^(?:\$ )?(autoglm [a-z].*)$", blocks, re.MULTILINE)
    return typed + re.findall(r"^\|.*`(autoglm [a-z]+ [^`]*)`", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_documents_parse(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        typed = words[: next((i for i, word in enumerate(words) if word in ("|", ">", "&&")), len(words))]
        verb = VERBS.get(typed[1])
        assert verb is not None, f"{page.name}: {line}"
        verb.make_context(typed[1], typed[2:])  # raises where an option or an argument is wrong


def test_each_line_of_the_comparison_can_be_typed() -> None:
    text = (ROOT / "docs/comparison.md").read_text(encoding="utf-8")
    lines = text.partition("| what | the command that shows it |")[2].partition("\n## ")[0].split("\n")[2:]
    shown = [line.split("|")[2].strip() for line in lines if line.startswith("|")]
    targets = re.findall(r"^([a-z-]+)%?:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(shown) > 10
    for one in shown:
        program, _, rest = one.strip("`").partition(" ")
        assert program == "autoglm" or rest.startswith(tuple(targets)), one


def test_every_name_of_a_preset_and_a_tower_is_told() -> None:
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    missing = [name for name in (*preset_names(), *NAMES) if f"`{name}`" not in text]
    assert not missing
