"""What training adds to the model's own loss."""

from __future__ import annotations

import torch
from tests.train.tiny import tiny_config, tiny_model
from torch.nn import functional as F

from openautoglm.encoders.batch import Batch
from openautoglm.fuse.embeds import Embeds
from openautoglm.train.objective import MOST_CLASSES, Objective, candidates, row_loss_names


def case() -> tuple[torch.Tensor, torch.Tensor, Batch, torch.Tensor]:
    torch.manual_seed(0)
    image, text = F.normalize(torch.randn(4, 8), dim=1), F.normalize(torch.randn(6, 8), dim=1)
    keys = torch.tensor([[1, 7], [2, 7], [3, 8], [4, 9]])
    pairs = Batch.of(torch.zeros(4, 3, 0, 0), torch.zeros(4, 1).long(), torch.ones(4, 1).bool(), keys)
    return image, text, pairs, torch.tensor([0, 0, 1, 2, 3, 1])


def test_alone_it_is_the_models_loss() -> None:
    model, (image, text, pairs, classes) = tiny_model(), case()
    losses = Objective(tiny_config(), dim=8, classes=4)(model, image, text[:4], pairs, classes[:4])
    expected = model.loss_from_embeds(Embeds(image, text[:4], None, None), pairs)
    assert losses.keys() == expected.keys() == {"contrastive"}
    assert Objective(tiny_config(), dim=8, classes=4).names == ["contrastive"]
    torch.testing.assert_close(losses["contrastive"], expected["contrastive"])


def test_weights_scale_what_is_added() -> None:
    model, (image, text, pairs, classes) = tiny_model(), case()
    found = []
    for weight in (1.0, 0.25):
        torch.manual_seed(1)
        objective = Objective(tiny_config(proxy=weight, image_contrast=weight), dim=8, classes=4)
        found.append(objective(model, image, text, pairs, classes))
        assert objective.names == list(found[-1])
    assert found[0].keys() == {"contrastive", "proxy", "pictures"}
    torch.testing.assert_close(found[0]["contrastive"], found[1]["contrastive"])
    for name in ("proxy", "pictures"):
        torch.testing.assert_close(0.25 * found[0][name], found[1][name])


def test_too_many_groups_have_no_proxies() -> None:
    assert Objective(tiny_config(proxy=1.0), dim=2, classes=MOST_CLASSES + 1).proxy is None


def test_candidates_of_a_choice() -> None:
    assert candidates(tiny_model(), 8) == 8
    assert candidates(tiny_model(loss="siglip"), 8) is None
    model = tiny_model(momentum=0.9, queue_size=5)
    model.queue.push(torch.zeros(3, 8), torch.zeros(3, 8), torch.zeros(3, 3).long())
    assert candidates(model, 8) == 11


def test_captions_are_a_loss_within_rows() -> None:
    thin = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    shape = {**thin, "num_key_value_heads": 2, "head_dim": 8}
    changes = {"text_decoder": "glm-large", "cross_attention_layers": 1, "decoder_shape": shape}
    assert row_loss_names(tiny_model()) == []
    assert row_loss_names(tiny_model(**changes).enable_multimodal_training()) == ["captioning"]
