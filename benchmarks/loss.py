"""make bench-loss: the softmax loss in tiles beside the plain forms of transformers and open_clip.

Vectors of D = 512 in float32; the gradients of both sides and of the scale are made.

*Memory* is the highest resident size of a process during one forward and backward, as the kernel counts
it, less what the process held before with its inputs made and its libraries warm: gradients count, inputs
do not. Each measurement is a process of its own, whose freed blocks go back to the system at once.
*Time* is measured in one process a batch size, where the forms take turns call by call; a ratio is taken
turn by turn, against whichever peer was faster there.

transformers is asked by its own function, with the similarities made as its CLIP model makes them.
open_clip is not installed: its `ClipLoss` is written here from its formula (two products, one a direction).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.figures import ROOT, figure, write
from openautoglm.align.tiled import tiled_softmax_loss

Form = Callable[[Tensor, Tensor, Tensor], Tensor]
DIM = 512
SCALE = 1 / 0.07
MEMORY = {
    "ours": (4096, 8192, 16384, 32768),
    "transformers": (4096, 8192, 16384),
    "open_clip": (4096, 8192, 16384),
}
TIME = {1024: 15, 2048: 15, 4096: 15, 8192: 11}
QUICK_MEMORY = dict.fromkeys(MEMORY, (512, 1024))
QUICK_TIME = {512: 3, 1024: 3}


def ours(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Measure the tiled loss with its defaults."""
    return tiled_softmax_loss(image, text, scale)


def ours_with_keys(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Measure it with two keys a row, where most rows share one with another."""
    generator = torch.Generator().manual_seed(0)
    return tiled_softmax_loss(
        image, text, scale, torch.randint(len(image), (len(image), 2), generator=generator)
    )


def transformers(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Compute the loss as `CLIPModel.forward` does: one matrix, read by rows and by columns."""
    from transformers.models.clip.modeling_clip import image_text_contrastive_loss

    loss: Tensor = image_text_contrastive_loss(torch.matmul(text, image.t()) * scale)
    return loss


def open_clip(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Compute the loss as open_clip's `ClipLoss` on one machine does: a matrix for each direction."""
    labels = torch.arange(len(image))
    by_image = F.cross_entropy(scale * image @ text.t(), labels)
    by_text = F.cross_entropy(scale * text @ image.t(), labels)
    return (by_image + by_text) / 2


FORMS: dict[str, Form] = {
    "ours": ours,
    "ours, keys": ours_with_keys,
    "transformers": transformers,
    "open_clip": open_clip,
}
PEERS = ("transformers", "open_clip")


def main() -> None:
    """Measure everything in processes of their own, then print, draw and write."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="small batches, few turns")
    options.add_argument("--memory", nargs=2, metavar=("FORM", "BATCH"), help=argparse.SUPPRESS)
    options.add_argument("--time", nargs=2, type=int, metavar=("BATCH", "TURNS"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.memory:
        print(json.dumps(peak_mib(FORMS[given.memory[0]], int(given.memory[1]))))
    elif given.time:
        print(json.dumps(seconds(*given.time)))
    else:
        run(quick=given.quick)


def run(*, quick: bool) -> None:
    """Start the measurements one after another and gather them."""
    rows: list[dict[str, Any]] = []
    for form, batches in (QUICK_MEMORY if quick else MEMORY).items():
        for batch in batches:
            peaks = [_measure("--memory", form, str(batch)) for _ in range(1 if quick else 3)]
            rows.append({"measure": "memory", "form": form, "batch": batch, **_spread(peaks, "mib")})
            print(_line(rows[-1]), flush=True)
    for batch, turns in (QUICK_TIME if quick else TIME).items():
        taken = {form: np.array(times) for form, times in _measure("--time", str(batch), str(turns)).items()}
        faster_peer = np.minimum(*(taken[peer] for peer in PEERS))
        for form, times in taken.items():
            ratio = _spread(times / faster_peer, "ratio")
            rows.append(
                {"measure": "time", "form": form, "batch": batch, **_spread(times * 1000, "ms"), **ratio}
            )
            print(_line(rows[-1]), flush=True)
    path = write("loss", figures(rows), rows, quick=quick)
    draw(rows, path.with_suffix(".png"))


def peak_mib(form: Form, batch: int) -> float:
    """Run forward and backward once and return how far the process grew at most, in MiB."""
    form(*inputs(64)).backward()
    tensors = inputs(batch)
    gc.collect()
    # Writing 5 makes the kernel start its record of the highest resident size (VmHWM) anew.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    form(*tensors).backward()
    return (_status("VmHWM") - before) / 1024


def seconds(batch: int, turns: int) -> dict[str, list[float]]:
    """Time forward and backward of every form, call by call in turn, after one call each to warm up."""
    tensors = inputs(batch)
    taken: dict[str, list[float]] = {name: [] for name in FORMS}
    for turn in range(turns + 1):
        for name, form in FORMS.items():
            for tensor in tensors:
                tensor.grad = None
            start = time.perf_counter()
            form(*tensors).backward()
            if turn:
                taken[name].append(time.perf_counter() - start)
    return taken


def inputs(batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Make unit vectors whose pairs lie near each other, and the scale, all of which want gradients."""
    generator = torch.Generator().manual_seed(0)
    image = F.normalize(torch.randn(batch, DIM, generator=generator), dim=1)
    text = F.normalize(image + torch.randn(batch, DIM, generator=generator) / DIM**0.5, dim=1)
    return image.requires_grad_(), text.requires_grad_(), torch.tensor(SCALE, requires_grad=True)


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pick the figures that the README and the goals speak of."""
    found: dict[str, Any] = {}
    peers = f"transformers {version('transformers')}; open_clip's ClipLoss written from its formula"
    for row in rows:
        if row["measure"] == "memory" and row["form"] == "ours":
            found[f"peak_mib_{row['batch']}"] = _figure(
                row, "mib", "MiB", "forward + backward, over the inputs"
            )
        elif row["measure"] == "memory":
            key = f"peer_peak_mib_{row['batch']}"
            if key not in found or row["mib"] < found[key]["value"]:
                found[key] = _figure(row, "mib", "MiB", f"the leaner of {peers}")
        elif row["form"] == "ours":
            note = f"turn by turn over the faster of {peers}"
            found[f"time_ratio_{row['batch']}"] = _figure(row, "ratio", "ratio", note)
    return found


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw memory and time against the batch size."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    canvas, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axes, measure, key, label in ((left, "memory", "mib", "MiB"), (right, "time", "ms", "ms")):
        for number, form in enumerate(FORMS):
            points = [
                (row["batch"], row[key]) for row in rows if row["measure"] == measure and row["form"] == form
            ]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", label=form, color=f"C{number}")
        axes.set(
            xscale="log", yscale="log", xlabel="batch", title=f"{measure} of forward + backward, {label}"
        )
        ticks = sorted({row["batch"] for row in rows if row["measure"] == measure})
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    canvas.savefig(path, dpi=150)
    plt.close(canvas)
    print(f"drawn: {path.relative_to(ROOT)}")


def _measure(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.loss", *arguments]
    # glibc would keep some freed blocks, and reuse others that the inputs left: both blur the peak.
    exact = {"MALLOC_MMAP_THRESHOLD_": "65536"} if "--memory" in arguments else {}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | exact, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def _status(field: str) -> int:
    """Read a size of this process from the kernel, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _spread(values: Any, name: str) -> dict[str, float]:
    """Give the median and the 95 % interval of it, by resampling."""
    values = np.asarray(values)
    draws = np.random.default_rng(0).choice(values, (2000, len(values)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return {
        name: round(float(np.median(values)), 3),
        f"{name}_low": round(low, 3),
        f"{name}_high": round(high, 3),
    }


def _figure(row: dict[str, Any], key: str, unit: str, note: str) -> dict[str, Any]:
    return figure(row[key], unit, low=row[f"{key}_low"], high=row[f"{key}_high"], note=note)


def _line(row: dict[str, Any]) -> str:
    line = f"{row['measure']:<7}{row['form']:<14}{row['batch']:>7,}"
    if row["measure"] == "memory":
        return f"{line}{row['mib']:>10,.1f} MiB"
    interval = f"[{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]"
    return f"{line}{row['ms']:>10,.1f} ms   {row['ratio']:.2f} {interval} × the faster peer"


if __name__ == "__main__":
    main()
