"""Pictures that a cell holds as a `data:` URI (RFC 2397), as web pages and their databases keep them.

    data:image/png;base64,iVBORw0KGgo…

What the URI says of its content is not relied upon: the bytes are opened as any other picture's are.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes


def is_data_uri(text: str) -> bool:
    """Whether a cell's text is one, by how it begins.

    >>> is_data_uri("data:image/png;base64,iVBO"), is_data_uri("data/1.png")
    (True, False)
    """
    return text[:5].lower() == "data:"


def data_of(uri: str) -> bytes:
    """Decode a `data:` URI.

    Raises:
        ValueError: if it has no comma, or its base64 is damaged.

    >>> data_of("data:image/svg+xml,%3Csvg/%3E"), data_of("data:;base64,aGk")
    (b'<svg/>', b'hi')
    """
    head, comma, body = uri.partition(",")
    if not comma:
        raise ValueError("a data: URI without a comma before its data")
    if not head.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(body)
    plain = "".join(unquote_to_bytes(body).decode("ascii", "replace").split()).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a data: URI whose base64 is damaged ({error})") from error
