"""What a checkpoint says of its run, and whether a run may go on from it.

A run goes on when rows, model and the shape of the training's state are the same. Other keys of its
configuration may differ (a lower learning rate after a NaN, say): that is said, and the result is then not
that of one uninterrupted run. A training that had finished is only taken up if nothing at all differs, and
there is nothing left to do then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from openautoglm.config import ModelConfig, TrainConfig

SHAPING = ("batch_size", "optimizer", "proxy", "image_contrast", "seed")
"""Keys of the training on which its state's form or its order of rows depends."""


def run_name(rows: str, model: ModelConfig, config: TrainConfig) -> str:
    """Name what a checkpoint must agree on; `rows` is the fingerprint of the data."""
    about = [rows, model.as_dict(), bool(config.ema), *(getattr(config, key) for key in SHAPING)]
    about += [config.weighting] if config.weighting != "fixed" else []
    return hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16).hexdigest()


def goes_on(saved: dict[str, Any] | None, run: str, config: TrainConfig, say: Callable[[str], None]) -> bool:
    """Whether the checkpoint `saved` is taken up by `run`; `say` is told why or why not."""
    if saved is None:
        return False
    now = config.as_dict()
    # A key that the checkpoint's version did not have yet was as it is by default.
    before = {**TrainConfig(steps=1).as_dict(), **saved["config"]}
    changed = ", ".join(sorted(key for key in now if now[key] != before[key]))
    if saved["run"] != run:
        say("the checkpoint here is of other rows, another model or another training; it is set aside")
        return False
    if saved["finished"] and changed:
        say(f"the training that finished here had another {changed}; training anew")
        return False
    if saved["finished"]:
        say(f"this training finished before, after {saved['steps']} steps; nothing to do")
    else:
        say(f"going on from step {saved['steps']}" + (f", with another {changed}" if changed else ""))
    return True
