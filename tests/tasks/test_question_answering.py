"""Questions and answers as tokens: only the answer is learned, and one form of a question is asked."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from openautoglm.encoders.tokenizer import EOS_ID, PAD_ID, train_bpe
from openautoglm.tasks.question_answering import answering_loss, asked, lines

TEXTS = ["what color is it?\n", "is it red?\n", "红色吗?\n", "red", "yes", "红色"]
TOKENIZER = train_bpe(TEXTS, 320, lowercase=False)


def laid_out(questions: list[str], answers: list[str], most: int = 32):  # type: ignore[no-untyped-def]
    return lines(TOKENIZER, questions, answers, end=EOS_ID, pad=PAD_ID, most=most)


def test_the_learned_tokens_are_the_answer_and_its_end_mark() -> None:
    found = laid_out(["What color is it", "is it red?"], ["red", "yes"])

    for row, answer in enumerate(("red", "yes")):
        learned = found.input_ids[row][found.learned[row]].tolist()
        assert learned[-1] == EOS_ID
        assert TOKENIZER.decode(learned).strip() == answer
        read = found.input_ids[row][found.attention_mask[row] & ~found.learned[row]].tolist()
        assert EOS_ID not in read and TOKENIZER.decode(read).endswith("?\n")


@given(st.text(max_size=40))
def test_asking_again_what_is_asked_changes_nothing(question: str) -> None:
    once = asked(question)

    assert asked(once) == once
    assert once.count("\n") == 1 and once.endswith("?\n")


def test_case_width_spacing_and_the_mark_make_no_other_question() -> None:
    assert len({asked(one) for one in ("Is it RED?", "is  it red", " is it red ？", "ｉｓ it red??")}) == 1


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60), st.integers(6, 20))
def test_a_line_has_at_most_as_many_tokens_as_asked_for(question: str, answer: str, most: int) -> None:
    found = laid_out([question], [answer], most)

    assert found.input_ids.shape[1] <= most
    # The line end that begins the answer stays, and so does the end mark.
    begin = int(found.learned[0].nonzero()[0, 0])
    assert found.input_ids[0, begin - 1] == TOKENIZER.encode("\n", add_special_tokens=False).ids[-1]
    assert found.input_ids[0, -1] == EOS_ID


def test_the_loss_is_the_mean_over_answer_tokens_in_plain_numbers() -> None:
    torch.manual_seed(0)
    found = laid_out(["is it red?", "what color is it?", "红色吗"], ["yes", "red", "红色"])
    hidden = torch.randn(*found.input_ids.shape, 8, dtype=torch.float64)
    weight = torch.randn(320, 8, dtype=torch.float64)
    plain = [
        -functional.log_softmax(weight @ hidden[row, place - 1], dim=0)[found.input_ids[row, place]]
        for row, place in found.learned.nonzero().tolist()
    ]

    loss = answering_loss(hidden, found, lambda states: states @ weight.T)
    torch.testing.assert_close(loss, torch.stack(plain).mean())
