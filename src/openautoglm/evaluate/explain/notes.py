"""The sentences of the page, the same in both its forms."""

from __future__ import annotations

from openautoglm.evaluate.explain.explanation import SHOWN, Explanation, number, signed

KEY = (
    "Red raises it, blue lowers it. Each modality is weighed with the others whole. Words and columns share "
    "one scale, the picture's patches have their own."
)
CURVES = (
    "Red: only the strongest parts shown, more and more of them. Blue: the strongest hidden first. Grey: the "
    "same in random orders."
)


def headline(explanation: Explanation) -> str:
    """Which row, and the score that is explained."""
    return f"Row {explanation.row}: {explanation.unit} {number(explanation.score)}."


def heat_note(explanation: Explanation) -> str:
    """What the heat map's colours stand for."""
    patches = explanation.patches
    if patches is None or explanation.image is None:
        return ""
    strongest = signed(float(patches.flat[abs(patches).argmax()]))
    return f"{patches.size} patches, together {signed(float(patches.sum()))}; full colour is {strongest}."


def modalities_heads(explanation: Explanation) -> tuple[str, ...]:
    """What is told of each modality beside its gate; the second only where any can be left out."""
    left_out = any(one.without is not None for one in explanation.modalities)
    return ("effect", "without it") if left_out else ("effect",)


def modalities_note(explanation: Explanation) -> str:
    """What the numbers beside a modality are."""
    said = ["Gate: its share in the fused vector."] if explanation.gated else []
    said.append("Effect: of all its parts together.")
    if len(modalities_heads(explanation)) > 1:
        said.append("Without it: the score when the row lacks the whole modality.")
    return " ".join(said)


def rest_note(explanation: Explanation) -> str:
    """The columns that are not drawn; empty where all are."""
    rest = explanation.columns[SHOWN:]
    return f"{len(rest)} weaker columns together {signed(sum(one.effect for one in rest))}" if rest else ""


def unread_note(explanation: Explanation) -> str:
    """The end of the text that was not read; empty where all was."""
    left = explanation.unread.strip()
    return f"Not read, since the model has no room for it: {left}" if left else ""
