"""Large vision towers are run in bfloat16 where the processor multiplies tiles of it in hardware (AMX).

A ViT-B/32 is then more than twice as fast on two cores, and its vectors keep a cosine above 0.999 with those
in float32 (`make bench-encode` measures both). With AVX-512 BF16 alone it took 1.6 times as long.
Small towers stay in float32: decoding the pictures is what takes their time. On a GPU nothing changes.
"""

from __future__ import annotations

import contextlib
import functools

import torch
from torch import nn

LARGE = 20_000_000
"""Parameters from which a tower is worth it."""


@functools.cache
def multiplies_bfloat16() -> bool:
    """Whether this processor gains by it; older torch does not tell, and then it does not."""
    told: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("amx_bf16"))


def quick(tower: nn.Module) -> contextlib.AbstractContextManager[object]:
    """Run what is within in bfloat16, if `tower` is large, in float32, and lies on such a processor."""
    parameters = list(tower.parameters())
    large = sum(one.numel() for one in parameters) >= LARGE
    plain = all(one.device.type == "cpu" and one.dtype == torch.float32 for one in parameters)
    if large and plain and multiplies_bfloat16():
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()
