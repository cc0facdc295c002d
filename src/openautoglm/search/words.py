"""Full text search in Chinese and English: the words of a query → rows, ranked by BM25.

    score(row) = Σ over the query's words w of  idf(w) · f · 2.2 / (f + 1.2 · (0.25 + 0.75 · l / mean l))
    idf(w)     = ln(1 + (n − n_w + 0.5) / (n_w + 0.5))

f: how often w stands in the row; l: words of the row; n_w of n rows have w.

All words of a row (texts, tags, `ocr_text`, names of its file and folder, its id if it is a code) lie
analysed in one column, `_words`, which `add` writes with the row, and which Lance's inverted index
reads as words between blanks. Why not an index a field with Lance's own analysis:

- scores of several fields do not compare: a word rare among titles may fill the tags;
- one column has one tokenizer. English wants stems, Chinese bigrams, codes both parts and whole; a row
  has all three, often in one field;
- marks in results need the same analysis in Python, or they show other words than those that matched.

Rows that were added or changed since the index was brought up to date (`index_words`, which `add` and
`index` run) are found too: Lance reads them one by one. Their words are not yet counted with the others',
and they are not found through a typo.

*Typos*: a word of five letters or more that no row has stands for those at edit distance 1 with the
same first letter. A word that any row has is taken to be meant.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from openautoglm.catalog.condition import all_of
from openautoglm.catalog.schema import ID, NEAR, WORDS
from openautoglm.catalog.words import (
    query_terms,
    words_in,
)
from openautoglm.search.errors import SearchError

if TYPE_CHECKING:
    import lance
    from lance.query import FullTextQuery

    from openautoglm.catalog.catalog import Catalog

INDEX = "_words_idx"

_AS_IT_IS = {
    "base_tokenizer": "whitespace",
    "lower_case": False,
    "stem": False,
    "remove_stop_words": False,
    "ascii_folding": False,
    "max_token_length": None,
}
_MOST_GONE = 1.25
"""Words of rows that are gone or changed still count in n; above this share the index is made anew."""
_MOST_PIECES = 8
"""New rows become a piece of their own, which costs nothing of the others; so many are joined to one."""
_TYPO = re.compile(r"[a-z]{4,}")
_MOST_TYPOS = 8


@dataclass(frozen=True)
class WordHit:
    """A row that has words of the query."""

    id: str
    score: float
    """BM25; compares only with others of the same query."""
    words: tuple[str, ...]
    """The row's words that the query met, as they are indexed; `matched_words` finds them in its texts."""
    part: float
    """The part of the query's words that it has, above 0; 1 is all of them."""
    address: int
    """Where the table has the row."""
    near: str | None
    """Its cluster of near copies."""


@dataclass
class WordsReport:
    """What a run did."""

    rows: int = 0
    """Rows that have words."""
    written: int = 0
    """Rows whose words were analysed anew, because a field or its role had changed since `add`."""
    indexed: int = 0
    """Rows that the index took in."""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"words of {self.rows:,} rows, {self.indexed:,} newly indexed"


def build_words(catalog: Catalog) -> WordsReport:
    """Bring the full-text index up to date; where nothing changed, nothing is written.

    Raises:
        CatalogError: if another process is writing the workspace, or it cannot be written.
    """
    began = time.perf_counter()
    report = WordsReport()
    report.written = catalog.refresh_words()
    report.rows, report.indexed = index_words(catalog)
    report.seconds = time.perf_counter() - began
    return report


def index_words(catalog: Catalog) -> tuple[int, int]:
    """Bring the full-text index up to date with the words that are written: rows with words, and new ones.

    Raises:
        CatalogError: as `build_words`.
    """
    with catalog.writing():
        rows = catalog.count(f"{WORDS} IS NOT NULL") if WORDS in catalog.dataset.schema.names else 0
        return rows, _index(catalog, rows)


def find_words(
    catalog: Catalog,
    text: str,
    *,
    where: str | None = None,
    limit: int = 10,
    data: lance.LanceDataset | None = None,
) -> list[WordHit]:
    """Find the rows with words of `text`, best first; equal scores are ordered by id.

    Args:
        catalog: whose rows are searched.
        text: any text; it has no syntax. Of a long one the first words count.
        where: SQL condition that the rows must pass.
        limit: how many rows at most. Fewer come only where fewer match and pass.
        data: the catalogue's table at an earlier commit; the latest by default.

    Raises:
        SearchError: if `limit` makes no sense, or the rows' words were never written.
        CatalogError: if `where` is no valid condition; it lists the columns.
    """
    if limit < 1:
        raise SearchError(f"limit is the number of results and must be 1 or more, not {limit}")
    terms = query_terms(text)
    if not terms or not _has_words(catalog):
        return []
    # A table without rows is false, and yet the one that was meant.
    ask = partial(_run, catalog, catalog.dataset if data is None else data)
    rows = ask(_exact(terms), where, limit)
    present = {word for row in rows for word in row[WORDS]}
    typos = _typos(ask, [term for term in terms if term not in present], text)
    if typos:
        rows = ask(_either(terms, typos), where, limit)
    hits = [
        WordHit(
            row[ID],
            row["_score"],
            met := _met(row[WORDS], terms, typos),
            _part(met, terms, typos),
            row["_rowid"],
            row.get(NEAR),
        )
        for row in rows
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def matched_words(query: str | Collection[str], text: str) -> list[tuple[int, int]]:
    """Find where the words of a query stand in a text, as (start, end) of characters, in order.

    Args:
        query: the query's text; or `WordHit.words`, which also know what a typo stood for.
        text: a field of a row that was found.

    Returns:
        Spans that neither overlap nor touch.

    >>> text = "Golden avenues: 金色银杏大道"
    >>> [text[start:end] for start, end in matched_words("an avenue, 银杏大道", text)]
    ['avenues', '银杏大道']
    """
    wanted = set(query_terms(query)) if isinstance(query, str) else set(query)
    spans = sorted((word.start, word.end) for word in words_in(text) if word.term in wanted)
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _index(catalog: Catalog, rows: int) -> int:
    """Make the index, or add to it what it lacks; tell how many rows it took in."""
    data = catalog.writable
    if not rows:
        return 0
    if all(one.name != INDEX for one in data.describe_indices()):
        data.create_scalar_index(WORDS, "INVERTED", name=INDEX, **_AS_IT_IS)
        return rows
    before = data.stats.index_stats(INDEX)
    missing = int(before["num_unindexed_rows"])
    known = sum(one["num_docs"] for one in before["indices"])
    if known + missing > _MOST_GONE * rows:
        data.create_scalar_index(WORDS, "INVERTED", name=INDEX, replace=True, **_AS_IT_IS)
        return rows
    if missing:
        pieces = len(before["indices"])
        joined = pieces if pieces >= _MOST_PIECES else 0
        data.optimize.optimize_indices(index_names=[INDEX], num_indices_to_merge=joined)
    return missing


def _has_words(catalog: Catalog) -> bool:
    if WORDS in catalog.dataset.schema.names:
        return True
    if rows := catalog.count():
        raise SearchError(
            f"the words of the {rows:,} rows are not indexed yet; run `autoglm index`, which writes them"
        )
    return False


def _exact(terms: Sequence[str]) -> FullTextQuery:
    from lance.query import MatchQuery

    return MatchQuery(" ".join(terms), WORDS)


def _near(term: str) -> FullTextQuery:
    from lance.query import MatchQuery

    return MatchQuery(term, WORDS, fuzziness=1, prefix_length=1)


def _either(terms: Sequence[str], typos: Collection[str]) -> FullTextQuery:
    from lance.query import BooleanQuery, Occur

    known = [term for term in terms if term not in typos]
    queries = [*([_exact(known)] if known else []), *map(_near, typos)]
    return BooleanQuery([(Occur.SHOULD, query) for query in queries])


def _run(
    catalog: Catalog, data: lance.LanceDataset, query: FullTextQuery, where: str | None, limit: int
) -> list[dict[str, Any]]:
    """Ask Lance; `_words` comes back as a list."""
    try:
        table = data.to_table(
            columns=[ID, "_rowid", WORDS, "_score", *({NEAR} & set(data.schema.names))],
            full_text_query=query,
            filter=all_of(where),
            prefilter=True,
            limit=limit,
        )
    except (ValueError, OSError):
        # The user's condition, read alone, gives an error that names it and lists the columns.
        catalog.count(where)
        raise
    return [row | {WORDS: row[WORDS].split(" ")} for row in table.to_pylist()]


def _typos(ask: Callable[..., list[dict[str, Any]]], unseen: Iterable[str], text: str) -> list[str]:
    """List the words that may be mistyped: long enough, and in no row at all."""
    long = {word.term for word in words_in(text, query=True) if word.end - word.start >= 5}
    doubtful = [term for term in unseen if term in long and _TYPO.fullmatch(term)]
    return [term for term in doubtful[:_MOST_TYPOS] if not ask(_exact([term]), None, 1)]


def _met(words: Sequence[str], terms: Sequence[str], typos: Sequence[str]) -> tuple[str, ...]:
    exact = set(terms)
    return tuple(
        word
        for word in dict.fromkeys(words)
        if word in exact or any(is_one_edit(typo, word) for typo in typos)
    )


def _part(met: Sequence[str], terms: Sequence[str], typos: Sequence[str]) -> float:
    there = sum(
        term in met or (term in typos and any(is_one_edit(term, word) for word in met)) for term in terms
    )
    return there / len(terms)


def is_one_edit(typo: str, word: str) -> bool:
    """Tell whether two words with the same first letter differ by one letter put in, left out or changed.

    >>> is_one_edit("goldn", "golden"), is_one_edit("house", "mouse"), is_one_edit("goldne", "golden")
    (True, False, False)
    """
    if typo[:1] != word[:1] or abs(len(typo) - len(word)) > 1:
        return False
    pairs = zip(typo, word, strict=False)
    same = next((place for place, pair in enumerate(pairs) if pair[0] != pair[1]), None)
    if same is None:
        return True  # one begins with the other, and is longer by one letter at most
    longer = max(len(typo), len(word))
    return typo[same + (len(typo) == longer) :] == word[same + (len(word) == longer) :]
