"""What to do about a database that cannot be asked: drivers to install, URLs and queries to put right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

# By the dialect in the URL: what to write there, and what to install for it.
_DRIVERS = {
    "postgresql": ("postgresql+psycopg://", "psycopg[binary]"),
    "mysql": ("mysql+pymysql://", "pymysql"),
    "mariadb": ("mariadb+pymysql://", "pymysql"),
    "mssql": ("mssql+pymssql://", "pymssql"),
    "oracle": ("oracle+oracledb://", "oracledb"),
}
_FORM = "it reads dialect://user:password@host/database, or sqlite:///FILE"
_TABLES_SHOWN = 8


def about_driver(url: str) -> str:
    """Say how to get a driver for the URL's dialect.

    >>> about_driver("mysql://me@host/db")
    "pip install 'pymysql' and write mysql+pymysql://…"
    """
    form, package = _DRIVERS.get(_dialect(url), (None, None))
    if form is None or url.startswith(form):
        return "install it, or name another one in the URL (mysql+pymysql://…)"
    return f"pip install '{package}' and write {form}…"


def about_url(url: str) -> str:
    """Say how a URL that is none should read.

    >>> about_url("postgres://me@host/db")
    'write postgresql://…'
    """
    dialect = _dialect(url)
    if dialect == "postgres":
        return "write postgresql://…"
    if dialect == "sqlite" and (found := re.match(r"[^:]+://?([^/].*)", url)):
        return f"a file takes three slashes: sqlite:///{found[1]}"
    if "://" not in url and Path(url).is_file():
        return f"{_FORM}; for a file of SQLite: sqlite:///{url}"
    near = difflib.get_close_matches(dialect, ["sqlite", *_DRIVERS], n=1)
    return f"{_FORM}; did you mean {near[0]}://…?" if near and near[0] != dialect else _FORM


def about_query(query: str, tables: Sequence[str]) -> str:
    """Say what a query that fails may have meant, given the tables that there are.

    >>> about_query("products", ["products"]), about_query("SELECT * FROM produkts", ["products", "b"])
    ("write it as 'SELECT * FROM products'", 'its tables: products, b')
    """
    named = query.strip().strip(";")
    if re.fullmatch(r"[\w.]+|\"[^\"]+\"|`[^`]+`", named):
        return f"write it as 'SELECT * FROM {named}'"
    if not tables:
        return ""
    words = set(re.findall(r"\w+", query.lower()))
    if any(one.lower() in words for one in tables):
        return ""  # the table is there; something else is wrong
    more = f", … ({len(tables)})" if len(tables) > _TABLES_SHOWN else ""
    return f"its tables: {', '.join(tables[:_TABLES_SHOWN])}{more}"


def _dialect(url: str) -> str:
    return re.split(r"[+:]", url, maxsplit=1)[0].lower()
