from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.encoders.tokenizer import train_bpe
from openautoglm.tasks.generation.pieces import Pieces

TOKENIZER = train_bpe(["a red bicycle", "golden"], 300, lowercase=False)
"""Of Chinese it knows bytes alone: a character is three tokens."""


@settings(max_examples=80, deadline=None)
@given(
    text=st.text("ab c金色的é🚲", min_size=1, max_size=20),
    stop=st.lists(st.text("ab金 ", min_size=1, max_size=3), max_size=2),
)
def test_no_character_is_cut_and_no_stop_string_shown(text: str, stop: list[str]) -> None:
    text = " ".join(text.split()) or "a"
    pieces, shown = Pieces(TOKENIZER, stop), []
    for token in TOKENIZER.encode(text, add_special_tokens=False).ids:
        shown.append(pieces.add(token))
        if pieces.stopped:
            break
    shown.append(pieces.rest())
    whole = TOKENIZER.decode(TOKENIZER.encode(text, add_special_tokens=False).ids).lstrip(" ")
    ends = [whole.index(one) for one in stop if one in whole]
    assert "".join(shown) == pieces.text
    assert whole.startswith(pieces.text)
    assert not any(one in pieces.text for one in stop)
    if len(ends) < 2:  # of two, the one that is complete first ends the text
        assert pieces.text == whole[: min(ends, default=len(whole))]
    assert pieces.stopped is bool(ends)


def test_chinese_comes_character_by_character() -> None:
    pieces = Pieces(TOKENIZER)
    shown = [pieces.add(token) for token in TOKENIZER.encode("银杏", add_special_tokens=False).ids]
    assert [piece for piece in shown if piece] == ["银", "杏"]
