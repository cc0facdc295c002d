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

import hashlib
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.align.gradient_cache import cached_backward
from openautoglm.align.infonce import InfoNCE
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


@dataclass(frozen=True)
class FitResult:
    """How a training went."""

    steps: int
    seconds: float
    """Spent training, over all resumptions."""
    history: list[dict[str, Any]]
    """The lines of `log.jsonl`."""
    best: dict[str, float] | None
    """The step with the best validation figure, and its figures; the model has that step's weights."""
    interrupted: bool
    """Stopped by Ctrl-C before the end; the same call goes on from there."""
    folder: Path

    def __str__(self) -> str:
        spent = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.1f} min"
        if self.interrupted:
            return (
                f"stopped after {self.steps} steps ({spent}) and saved; the same command goes on from there"
            )
        losses = [row["loss"] for row in self.history if "loss" in row]
        parts = [f"{self.steps} steps in {spent}"] + [f"loss {losses[-1]:.3f}" for _ in losses[-1:]]
        if self.best:
            parts.append("best " + ", ".join(f"{name} {value:g}" for name, value in self.best.items()))
        return "; ".join(parts)


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
        trainer.begin(resume, bar)
        while not trainer.ended and not interrupt.asked:
            trainer.step()
            bar.tell("training", trainer.progress, 1.0, trainer.note)
            if trainer.every(config.evaluate_every):
                trainer.look()
            if trainer.every(config.checkpoint_every):
                trainer.save()
        return trainer.finish(interrupted=not trainer.ended)


class Trainer:
    """The parts of a run and the few numbers that change from step to step."""

    def __init__(
        self,
        model: OpenAutoGLM,
        data: TrainingData,
        config: TrainConfig,
        folder: Path,
        validate: Validate | None,
    ) -> None:
        self.model, self.data, self.config, self.folder, self.validate = model, data, config, folder, validate
        self.fabric = Fabric(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=1,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        )
        self.batch_size = min(config.batch_size, len(data.pairs))
        self.sampler = Sampler(len(data.pairs), self.batch_size, config.seed)
        self.schedule = Schedule(config, max(1, self.sampler.steps_per_epoch // config.accumulate))
        self.augment = Augment(config.augment, model.processor.image.size)
        self.watch = Watch()
        self.checkpoints = Checkpoints(folder)

        self.steps = 0
        self.best: dict[str, float] | None = None
        self.looks_without_gain = 0
        self.finished = False
        self.note = ""
        self._window: list[dict[str, float]] = []

    # ── beginning and end ──────────────────────────────────────────────────────────────────────────────────

    def begin(self, resume: bool, bar: Bar) -> None:
        """Put everything on its device, and take up the checkpoint if there is one to go on from."""
        saved = self._resumable(bar) if resume else None
        if saved is None:
            self.checkpoints.set_aside()
        tokenizer = saved and saved["tokenizer"]
        if tokenizer:
            self.model.processor.tokenizer = Tokenizer.from_str(tokenizer)
        elif self.model.processor.tokenizer is None:
            self.model.processor.fit_tokenizer(self.data.texts())
        if saved:
            self.model.load_state_dict(saved["weights"])
        self.model.to(self.fabric.device)
        self.optimizer = self.fabric.setup_optimizers(build_optimizer(self.model, self.config))
        self.ema = EMA(self.model, self.config.ema) if self.config.ema else None
        if saved:
            self._restore(saved)
        self.log = Log(self.folder, self.steps)
        self._clock = time.monotonic() - (saved["seconds"] if saved else 0.0)
        self._window_began = self.seconds
        if saved is None:
            self.save()  # from here on a killed run goes on, with these very first weights

    def finish(self, interrupted: bool) -> FitResult:
        """Save; at a real end, leave the model with the weights that are worth keeping."""
        if interrupted:
            self.save()
        elif not self.finished:
            if self.validate and not self.every(self.config.evaluate_every):
                self.look()
            self._keep_best_weights()
            self.finished = True
            self.save()
        draw_curves(self.log.rows, self.folder / "curves.png")
        self.model.eval()
        return FitResult(self.steps, self.seconds, self.log.rows, self.best, interrupted, self.folder)

    # ── a step ─────────────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        """Learn from one batch, or from `accumulate` of them.

        Raises:
            NotFiniteError: before the weights have changed, and after they have been saved.
        """
        factor = self.schedule.factor(self.steps, self.seconds)
        for group in self.optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        self.model.train()
        torch.manual_seed(derive(self.config.seed, self.steps, "model"))  # dropout and the like
        self.optimizer.zero_grad()

        losses: dict[str, float] = {}
        for part in range(self.config.accumulate):
            batch = self._batch(self.steps * self.config.accumulate + part)
            for name, value in self._backward(batch).items():
                losses[name] = losses.get(name, 0.0) + value / self.config.accumulate
        norm = self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=self.config.clip_norm or math.inf, error_if_nonfinite=False
        )
        self._check(losses, float(norm))
        self.optimizer.step()
        self.model.after_step(batch.to(self.fabric.device))
        if self.ema:
            self.ema.update()
        self.steps += 1
        self._tell(losses, float(norm), factor)

    def _batch(self, number: int) -> Batch:
        """Draw, augment and tokenize batch `number`, counted over all accumulated ones."""
        seed = self.config.seed
        drawn = self.data.draw(self.sampler.batch(number), derive(seed, number, "captions"))
        generator = torch.Generator().manual_seed(derive(seed, number, "augment"))
        rgb = self.augment(drawn.rgba, generator)
        ids, mask = self.model.processor.tokens(drawn.texts)
        return Batch.of(self.model.processor.normalise(rgb), ids, mask, drawn.keys)

    def _backward(self, batch: Batch) -> dict[str, float]:
        """Add the batch's gradients to the parameters; returns the losses by name."""
        size = self.config.micro_batch_size or len(batch)
        chunks = [batch.rows(slice(start, start + size)) for start in range(0, len(batch), size)]
        found: dict[str, float] = {}

        def embed(chunk: Batch) -> list[Tensor | None]:
            with self.fabric.autocast():
                embeds = self.model.embed(chunk.to(self.fabric.device))
            # The loss itself is taken in full precision: bf16 has 3 digits, and similarities differ in the third.
            return [None if e is None else e.float() for e in (embeds.image_embeds, embeds.text_embeds)]

        def loss_of_all(image: Tensor | None, text: Tensor | None) -> Tensor:
            losses = self.model.loss_from_embeds(
                Embeds(image, text, None, None), _without_pixels(batch).to(self.fabric.device)
            )
            found.update({name: loss.item() for name, loss in losses.items()})
            return sum(losses.values(), torch.zeros((), device=self.fabric.device)) / self.config.accumulate

        cached_backward(embed, chunks, loss_of_all, backward=self.fabric.backward)
        for chunk in chunks if self.model.writes_captions else ():
            share = len(chunk) / len(batch)
            with self.fabric.autocast():
                losses = self.model.row_losses(chunk.to(self.fabric.device))
            self.fabric.backward(sum(losses.values()) * share / self.config.accumulate)
            for name, loss in losses.items():
                found[name] = found.get(name, 0.0) + share * loss.item()
        return found

    def _check(self, losses: dict[str, float], norm: float) -> None:
        try:
            self.watch.see(self.steps, sum(losses.values()), norm)
        except NotFiniteError:
            if all(bool(value.isfinite().all()) for value in self.model.state_dict().values()):
                self.save()
            raise
        if isinstance(self.model.contrastive, InfoNCE) and not self.schedule.warming_up(
            self.steps, self.seconds
        ):
            queued = len(self.model.queue) if self.model.queue is not None else 0
            self.watch.compare(self.steps, losses["contrastive"], self.batch_size + queued)

    def _tell(self, losses: dict[str, float], norm: float, factor: float) -> None:
        """Sum up; every `LOG_EVERY` steps write a line of means."""
        parts = {f"{name}_loss": value for name, value in losses.items()} if len(losses) > 1 else {}
        figures = {"loss": sum(losses.values()), **parts, "norm": norm}
        self._window.append(figures)
        if not self.every(LOG_EVERY):
            return
        now = self.seconds
        rate = len(self._window) * self.batch_size * self.config.accumulate / (now - self._window_began)
        means = {name: sum(each[name] for each in self._window) / len(self._window) for name in figures}
        self.log.add(
            self.steps,
            **means,
            learning_rate=self.config.learning_rate * factor,
            images_per_second=rate,
            seconds=now,
        )
        self.note = f"loss {means['loss']:.3f}  {rate:,.0f} images/s"
        self._window, self._window_began = [], now

    # ── now and then ───────────────────────────────────────────────────────────────────────────────────────

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
        """Take the validation figures of the averaged weights, and keep those when they are the best so far."""
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

    def save(self) -> None:
        """Write everything that going on from here needs. Random numbers and batches follow from the step."""
        state = {
            "run": self._run(),
            "config": self.config.as_dict(),
            "tokenizer": self.model.processor.tokenizer.to_str() if self.model.processor.tokenizer else None,
            "weights": self.model.state_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
            "best": self.best,
            "looks_without_gain": self.looks_without_gain,
            "finished": self.finished,
        }
        if not self.finished:
            state["optimizer"] = self.optimizer.state_dict()
            state["ema"] = self.ema.state_dict() if self.ema else None
            state |= {"schedule": self.schedule.state_dict(), "watch": self.watch.state_dict()}
        self.checkpoints.save(self.checkpoints.last, state)

    def _run(self) -> str:
        """Names what a checkpoint must agree on to be gone on from."""
        about = [
            self.data.fingerprint(),
            self.model.config.as_dict(),
            bool(self.config.ema),
            self.config.batch_size,
        ]
        return hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16).hexdigest()

    def _resumable(self, bar: Bar) -> dict[str, Any] | None:
        """The folder's checkpoint, if this run is its continuation."""
        saved = self.checkpoints.load(self.checkpoints.last)
        if saved is None:
            return None
        before, now = saved["config"], self.config.as_dict()
        changed = sorted(key for key in now if now[key] != before.get(key))
        if saved["run"] != self._run():
            bar.say(
                "the checkpoint here is of other rows or another model; it is set aside, and training starts anew"
            )
            return None
        if saved["finished"] and changed:
            bar.say(f"the finished training here had another {', '.join(changed)}; training starts anew")
            return None
        if saved["finished"]:
            bar.say(f"this training finished before, after {saved['steps']} steps; nothing to do")
        else:
            news = f", with another {', '.join(changed)}" if changed else ""
            bar.say(f"going on from step {saved['steps']}{news}")
        return saved

    def _restore(self, saved: dict[str, Any]) -> None:
        self.steps, self.best, self.finished = saved["steps"], saved["best"], saved["finished"]
        self.looks_without_gain = saved["looks_without_gain"]
        if self.finished:
            return
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.ema:
            self.ema.load_state_dict(saved["ema"])
        self.schedule.load_state_dict(saved["schedule"])
        self.watch.load_state_dict(saved["watch"])

    def _keep_best_weights(self) -> None:
        if self.best is not None:
            best = self.checkpoints.load(self.checkpoints.best)
            if best is not None:
                self.model.load_state_dict(best["weights"])
        elif self.ema:
            self.ema.keep()


def _without_pixels(batch: Batch) -> Batch:
    """The batch for a loss of embeddings: it asks who is present and related, and needs no picture."""
    return replace(batch, pixel_values=batch.pixel_values[:, :0]) if batch.pixel_values is not None else batch
