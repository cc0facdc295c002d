from __future__ import annotations

import pytest
import torch
from tests.align.pairs_data import make_case

from openautoglm.align.losses import LOSSES


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("positives", ["match", "mask"])
def test_every_loss_is_called_alike_and_survives_a_checkpoint(name: str, positives: str) -> None:
    case = make_case(8, 4, 10.0, 3, 5, positives, seed=0)
    loss = LOSSES[name](temperature=0.1, positives=positives)  # type: ignore[arg-type]
    loss.logit_scale.data.fill_(2.5)
    again = LOSSES[name](positives=positives)  # type: ignore[arg-type]
    again.load_state_dict(loss.state_dict())
    value = loss(case.image, case.text, case.keys, case.queue)
    assert value.shape == ()
    assert torch.equal(value, again(case.image, case.text, case.keys, case.queue))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_falls_when_pairs_align(name: str) -> None:
    loss = LOSSES[name](temperature=0.1, positives="match").eval()
    aligned, crossed = torch.eye(6), torch.eye(6).roll(1, 0)
    assert loss(aligned, aligned) < loss(aligned, crossed)
