"""The training loop, to be read in one sitting.

A step is: draw rows (a pure function of seed and step), augment and embed them, one loss, backward,
clip, optimizer, average. Around it: a schedule that follows steps or the clock, looks at validation, a
watch over the loss, checkpoints. Lightning Fabric supplies device and precision; nothing else is hidden.

Every random number of step n comes from (seed, n), and a checkpoint holds everything else that a step
depends on. So with a budget in steps or epochs, on a CPU, a run that was killed at any moment and started
again ends with the same weights, bit for bit, as one that was not.

When the batch is larger than `micro_batch_size`, the gradient cache embeds it in pieces and still
takes the loss over all of it (`align/gradient_cache.py`).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from tokenizers import Tokenizer
from torch import Tensor, nn

from openautoglm.align.gradient_cache import cached_backward
from openautoglm.config import TrainConfig
from openautoglm.encoders.batch import Batch
from openautoglm.model import OpenAutoGLM
from openautoglm.train.answering import LOSS as ANSWERING
from openautoglm.train.answering import Answering
from openautoglm.train.batches import Batches, Chunk, Prepared
from openautoglm.train.checkpoint import Checkpoints
from openautoglm.train.data import TrainingData
from openautoglm.train.ema import EMA
from openautoglm.train.errors import NotFiniteError
from openautoglm.train.interrupt import Interrupt
from openautoglm.train.labelled import Labelled
from openautoglm.train.log import Log, draw_curves, means
from openautoglm.train.objective import (
    Objective,
    aligns,
    candidates,
    row_loss_names,
    target_loss_names,
    views,
)
from openautoglm.train.optimizer import build_optimizer, clipped
from openautoglm.train.progress import Bar
from openautoglm.train.result import FitResult
from openautoglm.train.resume import goes_on, run_name
from openautoglm.train.sampler import derive
from openautoglm.train.schedule import Schedule
from openautoglm.train.threads import Threads
from openautoglm.train.watch import Watch
from openautoglm.train.weights.gradnorm import gradient_norms
from openautoglm.train.weights.registry import build_weighting

Validate = Callable[[OpenAutoGLM], dict[str, float]]
LOG_EVERY = 10
"""Steps a line of the log speaks for."""


def fit(
    model: OpenAutoGLM,
    data: TrainingData,
    config: TrainConfig,
    folder: Path,
    *,
    validate: Validate | None = None,
    progress: bool = True,
    resume: bool = True,
) -> FitResult:
    """Train `model` in place, on the pairs of `data`.

    Args:
        folder: gets `checkpoints/`, `log.jsonl` and `curves.png`. The model itself is saved by the caller.
        validate: figures of a model, the first of which decides (higher is better) which weights are kept,
            when `patience` is over and when `plateau` lowers the rate. Called every `evaluate_every` steps.
        progress: show a bar.
        resume: go on from the folder's checkpoint when it is of the same data and model; one of another
            run is set aside as `other-run.pt`.

    Raises:
        TrainingError: if the data cannot be learned from, or the folder cannot be written.
        NotFiniteError: if the loss or its gradient is no number any more.
    """
    data.check()
    with Bar("training", shown=progress) as bar, Interrupt() as interrupt:
        bar.say(f"training on {data.summary()}")
        trainer = Trainer(model, data, config, folder, validate)
        trainer.begin(resume, bar.say)
        while not trainer.ended and not interrupt.asked:
            with trainer.threads.step():
                trainer.step()
            bar.tell("training", trainer.progress, 1.0, trainer.note)
            if trainer.every(config.evaluate_every):
                trainer.look()
            if trainer.every(config.checkpoint_every):
                trainer.save()
        return trainer.finish(interrupted=not trainer.ended)


class Trainer:
    """The parts of a run, and the few numbers that change from step to step."""

    def __init__(
        self,
        model: OpenAutoGLM,
        data: TrainingData,
        config: TrainConfig,
        folder: Path,
        validate: Validate | None,
    ) -> None:
        self.model, self.data, self.config, self.folder, self.validate = model, data, config, folder, validate
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        self.fabric = Fabric(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=1,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        )
        if model.columns is not None and model.processor.columns is None:
            torch.manual_seed(derive(config.seed, 0, "columns"))
            model.fit_columns(data.columns, data.kinds)
        classes = int(data.group_numbers.max()) + 1
        torch.manual_seed(derive(config.seed, 0, "objective"))
        self.objective = Objective(config, model.config.embed_dim, classes)
        aligned = aligns(data, model, self.objective, config)
        device = self.fabric.device
        self.batches = Batches(data, config, model.processor, device) if aligned else None
        self.streams: list[Labelled | Answering] = []
        if model.heads.targets:
            self.streams.append(Labelled(data, config, model, device))
        answers = model.writes_captions and len(data.asked_about) > 0
        if answers:
            self.streams.append(Answering(data, config, model, device))
        first = self.batches or self.streams[0]
        self.rows_a_step = first.size * config.accumulate
        epoch = max(1, first.sampler.steps_per_epoch // config.accumulate)
        self.schedule = Schedule(config, epoch)
        names = [*(self.objective.names if data.aligned else ()), *target_loss_names(model)]
        rows_only = [*(row_loss_names(model) if data.aligned else ()), *([ANSWERING] if answers else ())]
        self.weighting = build_weighting(config, names, rows_only, epoch)
        self.watch = Watch()
        self.threads = Threads(active=config.minutes is not None and self.fabric.device.type == "cpu")
        self.checkpoints = Checkpoints(folder)

        self.steps = 0
        self.best: dict[str, float] | None = None
        self.looks_without_gain = 0
        self.finished = False
        self.note = ""
        self._clock = self._window_began = 0.0
        self._window: list[dict[str, float]] = []

    # ── a step ─────────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        """Learn from one batch, or from `accumulate` of them.

        Raises:
            NotFiniteError: before the weights have changed, and after they have been saved.
        """
        progress, accumulate = self.progress, self.config.accumulate
        factor = self.schedule.factor(self.steps, self.seconds)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        self.model.train()
        torch.manual_seed(derive(self.config.seed, self.steps, "model"))  # dropout and the like
        self.optimizer.zero_grad()

        found = []
        self._norms: list[dict[str, float]] = []
        batch: Prepared | None = None
        for number in range(self.steps * accumulate, (self.steps + 1) * accumulate):
            if self.batches is not None:
                batch = self.batches.prepare(number, progress)
                found.append(self._backward(batch))
            for stream in self.streams:
                losses, norms = stream.backward(number, progress, self.weighting, self.fabric)
                found.append(losses)
                self._norms.append(norms)
        losses = means(found)
        norm = nn.utils.clip_grad_norm_(clipped(self.optimizer), self.config.clip_norm or math.inf).item()
        self._check(losses, norm, batch)
        self.optimizer.step()
        if batch is not None:
            self.model.after_step(batch.pairs().to(self.fabric.device))
        if self.ema:
            self.ema.update()
        self.steps += 1
        self._tell(losses, norm, factor)
        self.weighting.after_step(losses, means(self._norms))

    def _backward(self, batch: Prepared) -> dict[str, float]:
        """Add the batch's gradients to the parameters; returns the losses by name, without their weights."""
        device, found = self.fabric.device, {}
        pairs, classes = batch.pairs(), batch.classes.to(device)
        # The loss between rows needs to know who is present and related, and no pictures.
        about = replace(pairs, pixel_values=batch.pixel_values[:, :0]).to(device)

        def encode(chunk: Chunk) -> list[Tensor | None]:
            with self.fabric.autocast():
                return views(self.model, chunk.to(device))

        def loss_of_all(image: Tensor, text: Tensor, *tokens: Tensor) -> Tensor:
            own = [part[: len(pairs)] for part in tokens]
            losses = self.objective(self.model, image[: len(pairs)], text, about, classes, own)
            found.update({name: loss.item() for name, loss in losses.items()})
            if self.config.weighting == "gradnorm":
                self._norms.append(gradient_norms(losses, [image, text]))
            weighted = [self.weighting.weight(name) * loss for name, loss in losses.items()]
            return torch.stack(weighted).sum() / self.config.accumulate

        chunks = batch.chunks(self.config.micro_batch_size)
        cached_backward(encode, chunks, loss_of_all, backward=self.fabric.backward)
        if self.model.writes_captions:
            self._backward_rows(batch.to_write(), found)
        return found

    def _backward_rows(self, pairs: Batch, found: dict[str, float]) -> None:
        """The losses within rows, which may be taken in parts."""
        size = self.config.micro_batch_size or len(pairs)
        for start in range(0, len(pairs), size):
            part = pairs.rows(slice(start, start + size)).to(self.fabric.device)
            share = len(part) / len(pairs)
            with self.fabric.autocast():
                losses = self.model.row_losses(part)
            for name, loss in losses.items():
                weighted = self.weighting.weight(name) * loss * share / self.config.accumulate
                self.fabric.backward(weighted, retain_graph=len(losses) > 1)
                found[name] = found.get(name, 0.0) + share * loss.item()

    def _check(self, losses: dict[str, float], norm: float, batch: Prepared | None) -> None:
        """Let the watch look at this step's figures, before the weights change."""
        try:
            self.watch.see(self.steps, sum(losses.values()), norm)
        except NotFiniteError:
            # A NaN may have reached running statistics; then the checkpoint that is there is the better one.
            if all(bool(value.isfinite().all()) for value in self.model.state_dict().values()):
                self.save()
            raise
        among = candidates(self.model, len(batch.pixel_values)) if batch is not None else None
        if among is not None and not self.schedule.warming_up(self.steps, self.seconds):
            self.watch.compare(self.steps, losses["contrastive"], among)

    def _tell(self, losses: dict[str, float], norm: float, factor: float) -> None:
        """Sum up; every `LOG_EVERY` steps write a line of means."""
        weights = {name: self.weighting.weight(name) for name in losses}
        total = sum(weights[name] * value for name, value in losses.items())
        parts = {f"{name}_loss": value for name, value in losses.items()} if len(losses) > 1 else {}
        if self.config.weighting != "fixed" or self.config.loss_weights:
            parts |= {f"{name}_weight": value for name, value in weights.items()}
        self._window.append({"loss": total, **parts, "norm": norm})
        if not self.every(LOG_EVERY):
            return
        now = self.seconds
        pictures = len(self._window) * self.rows_a_step
        row = means(self._window)
        figures = {
            **row,
            "learning_rate": self.config.learning_rate * factor,
            "images_per_second": pictures / (now - self._window_began),
            "seconds": now,
        }
        self.log.add(self.steps, **figures)
        self.note = f"loss {row['loss']:.3f}  {figures['images_per_second']:,.0f} images/s"
        self._window, self._window_began = [], now

    # ── now and then ───────────────────────────────────────────────────────────────────────────────────

    @property
    def seconds(self) -> float:
        """Time spent, over all resumptions."""
        return time.monotonic() - self._clock

    @property
    def progress(self) -> float:
        """Share of the budget that is used."""
        return self.schedule.progress(self.steps, self.seconds)

    @property
    def ended(self) -> bool:
        """Whether the budget is used up or patience is over."""
        impatient = self.config.patience is not None and self.looks_without_gain >= self.config.patience
        return self.finished or impatient or self.progress >= 1

    def every(self, steps: int | None) -> bool:
        """Whether something that happens every so many steps is due."""
        return steps is not None and self.steps % steps == 0

    def look(self) -> None:
        """Take the validation figures of the averaged weights; keep these when they are the best so far."""
        if self.validate is None:
            return
        self.model.eval()
        with self.ema.applied() if self.ema else nullcontext():
            figures = self.validate(self.model)
            first = next(iter(figures))
            gained = self.best is None or figures[first] > self.best[first]
            if gained:
                self.best = {**figures, "step": self.steps}
                self.checkpoints.save(self.checkpoints.best, {"weights": self.model.state_dict()})
        self.looks_without_gain = 0 if gained else self.looks_without_gain + 1
        self.schedule.looked(gained)
        self.log.add(self.steps, **figures)

    # ── beginning, saving, end ─────────────────────────────────────────────────────────────────────────

    def begin(self, resume: bool, say: Callable[[str], None]) -> None:
        """Put everything on its device, and take up the checkpoint if this run goes on from it."""
        self._run = run_name(self.data.fingerprint(), self.model.config, self.config)
        saved = self.checkpoints.load(self.checkpoints.last) if resume else None
        if saved is not None and not goes_on(saved, self._run, self.config, say):
            saved = None
        if saved is None:
            self.checkpoints.set_aside()
        else:
            self.model.load_state_dict(saved["weights"])
            self.model.processor.tokenizer = Tokenizer.from_str(saved["tokenizer"])
        if self.model.processor.tokenizer is None:
            self.model.processor.fit_tokenizer(self.data.texts())
        self.model.to(self.fabric.device)
        self.objective.to(self.fabric.device)
        optimizer = build_optimizer(self.model, self.config, self.objective.parameters())
        self.optimizer = self.fabric.setup_optimizers(optimizer)
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self.ema = EMA(self.model, self.config.ema) if self.config.ema else None
        if saved is not None:
            self._restore(saved)
        self.log = Log(self.folder, self.steps)
        self._window_began = saved["seconds"] if saved else 0.0
        self._clock = time.monotonic() - self._window_began
        if saved is None:
            self.save()  # from here on a killed run goes on, and with these very first weights

    def save(self) -> None:
        """Write all that going on from here needs. Random numbers and batches follow from the step."""
        tokenizer = self.model.processor.tokenizer
        state = {
            "run": self._run,
            "config": self.config.as_dict(),
            "tokenizer": tokenizer.to_str() if tokenizer else None,
            "weights": self.model.state_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
            "best": self.best,
            "looks_without_gain": self.looks_without_gain,
            "finished": self.finished,
        }
        if not self.finished:
            state |= {name: part.state_dict() for name, part in self._parts().items()}
        self.checkpoints.save(self.checkpoints.last, state)

    def _restore(self, saved: dict[str, Any]) -> None:
        self.steps, self.best, self.finished = saved["steps"], saved["best"], saved["finished"]
        self.looks_without_gain = saved["looks_without_gain"]
        for name, part in self._parts().items() if not self.finished else ():
            part.load_state_dict(saved[name])

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own, beside the model."""
        parts = {"optimizer": self.optimizer, "objective": self.objective, "schedule": self.schedule}
        learns = {"weighting": self.weighting} if self.config.weighting != "fixed" else {}
        return {**parts, **learns, "watch": self.watch, **({"ema": self.ema} if self.ema else {})}

    def finish(self, interrupted: bool) -> FitResult:
        """Save; at a real end, leave the model with the weights that are worth keeping."""
        self.threads.restore()
        repeated = self.finished
        if not interrupted and not self.finished:
            if not self.every(self.config.evaluate_every):
                self.look()
            best = self.checkpoints.load(self.checkpoints.best) if self.best else None
            if best is not None:
                self.model.load_state_dict(best["weights"])
            elif self.ema:
                self.ema.keep()
            self.finished = True
        self.save()
        seconds = self.seconds
        draw_curves(self.log.rows, self.folder / "curves.png")
        self.model.eval()
        return FitResult(self.steps, seconds, self.log.rows, self.best, interrupted, self.folder, repeated)
