"""`data:` URIs: what was written comes back, however base64 is spelt; what is damaged is told."""

from __future__ import annotations

import base64
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.data_uri import data_of


@given(st.binary(max_size=64), st.booleans())
def test_bytes_come_back(data: bytes, padded: bool) -> None:
    body = base64.b64encode(data).decode()
    assert data_of(f"data:image/png;base64,{body if padded else body.rstrip('=')}") == data
    assert data_of(f"DATA:image/png;Base64,{body[:4]}\n {body[4:].replace('+', '%2B')}") == data
    assert data_of(f"data:,{quote_from_bytes(data)}") == data


@pytest.mark.parametrize(
    ("uri", "said"), [("data:image/png;base64", "without a comma"), ("data:;base64,a!b", "damaged")]
)
def test_what_is_damaged(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        data_of(uri)
