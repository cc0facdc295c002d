"""XMP: captions in languages and keywords from the packet of XML that Adobe, phones and archives write.

dc:description, dc:title   rdf:Alt of one text a language: x-default, zh-CN, de …
dc:subject                 rdf:Bag of keywords
"""

from __future__ import annotations

from xml.etree import ElementTree

_DC = "{http://purl.org/dc/elements/1.1/}"
_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read_xmp(packet: bytes | str) -> tuple[dict[str, str], list[str]]:
    """Read a packet; descriptions go before titles, in each language.

    Returns:
        Text by language as the packet names it in small letters, "" for x-default, which stands first;
        and the keywords.

    Raises:
        ElementTree.ParseError: if it is no XML.
    """
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else packet
    text = text.strip("\x00 \ufeff\r\n\t")
    # Entities are how an XML file of a few bytes fills all memory; a true packet declares none.
    if not text or "<!" in text:
        return {}, []
    root = ElementTree.fromstring(text)
    captions: dict[str, str] = {}
    for name in ("description", "title"):
        for element in root.iter(_DC + name):
            for item in list(element.iter(_ITEM)) or [element]:
                language = item.get(_LANGUAGE, "x-default").lower()
                if item.text and item.text.strip():
                    captions.setdefault("" if language == "x-default" else language, item.text)
    keywords = [
        item.text or ""
        for element in root.iter(_DC + "subject")
        for item in list(element.iter(_ITEM)) or [element]
    ]
    return dict(sorted(captions.items(), key=lambda pair: pair[0] != "")), keywords
