"""The training loop, to be read in one sitting.

A step is: draw rows (a pure function of seed and step), augment and embed them, one loss, backward,
clip, optimizer, average. Around it: a schedule that follows steps or the clock, looks at validation, a watch over
the loss, checkpoints. Lightning Fabric supplies device and precision; nothing else is hidden.

Every random number of step n comes from (seed, n), and a checkpoint holds everything else that a step
depends on. So with a budget in steps or epochs, on a CPU, a run that was killed at any moment and started again
ends with the same weights, bit for bit, as one that was not.

When the batch is larger than `micro_batch_size`, the gradient cache embeds it in pieces and still
takes the loss over all of it (`align/gradient_cache.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.align.gradient_cache import cached_backward
from openautoglm.config import TrainConfig
from openautoglm.encoders.batch import Batch
from openautoglm.model import Embeds, OpenAutoGLM
from openautoglm.train.augment import Augment
from openautoglm.train.checkpoint import Checkpoints
from openautoglm.train.data import TrainingData
from openautoglm.train.ema import EMA
from openautoglm.train.errors import NotFiniteError
from openautoglm.train.interrupt import Interrupt
from openautoglm.train.log import Log, draw_curves
from openautoglm.train.optimizer import build_optimizer
from openautoglm.train.progress import Bar
from openautoglm.train.sampler import Sampler, derive
from openautoglm.train.schedule import Schedule
from openautoglm.train.watch import Watch

Validate = Callable[[OpenAutoGLM], dict[str, float]]
LOG_EVERY = 10
"""Steps a line of the log speaks for."""
