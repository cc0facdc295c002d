"""What each preset costs: parameters, arithmetic, memory, and the seconds to build it.

    python tools/profile_models.py            # prints the table, writes docs/profile.md and its JSON

Models are built on the meta device, where tensors have shapes and no numbers, so `large` costs no more
than `mini` to look at. The counts are exact, the same on every machine, and so is the page that is
written; only the seconds to build are this machine's, and they stand in the JSON alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import figures  # noqa: E402
from openautoglm.config import preset_names  # noqa: E402
from openautoglm.encoders.text import TextTower  # noqa: E402
from openautoglm.model import OpenAutoGLM  # noqa: E402

PAGE = ROOT / "docs" / "profile.md"
MIB = 2**20


def profile(name: str) -> dict[str, Any]:
    """One line of the table; GFLOPs count a multiplication and an addition as two."""
    began = time.perf_counter()
    with torch.device("meta"):
        model = OpenAutoGLM.from_config(name).eval()
    seconds = time.perf_counter() - began
    size, length = model.processor.image.size, model.processor.text.max_length
    pixels = torch.empty(1, 3, size, size, device="meta")
    ids = torch.empty(1, length, dtype=torch.int64, device="meta")
    mask = torch.ones(1, length, dtype=torch.bool, device="meta")
    count = sum(parameter.numel() for parameter in model.parameters())
    captions = None
    if model.decoder is not None and model.looks:
        decoder = model.decoder
        captions = _gflops(lambda: decoder.logits(model.decode(ids, mask, model.vision(pixels))))
    towers = dict(model.towers.items())
    return {
        "preset": name,
        "image": f"{towers['vision'].name}, {size} px",
        "text": f"{towers.get('text', towers.get('decoder', towers['vision'])).name}, {length} tokens",
        "parameters_m": count / 1e6,
        "image_gflops": _gflops(lambda: model.encode_images(pixels)),
        "text_gflops": _gflops(lambda: _read(model, ids, mask)),
        "caption_gflops": captions,
        "weights_mib": 4 * count / MIB,
        "training_mib": 16 * count / MIB,
        "build_s": seconds,
    }


def _read(model: OpenAutoGLM, ids: Tensor, mask: Tensor) -> Tensor:
    if not isinstance(model.text, TextTower):
        return model.encode_texts(ids, mask)
    # Towers of transformers look into the mask, and a mask without numbers shows nothing; all is real here.
    return model.project("text", model.text.backbone(input_ids=ids).last_hidden_state[:, 0])


def _gflops(run: Callable[[], object]) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e9


def page(rows: list[dict[str, Any]]) -> str:
    """The table as a page of the documentation."""
    heads = ["preset", "image tower", "text tower", "parameters"]
    heads += ["GFLOPs an image", "GFLOPs a text", "GFLOPs a caption", "weights", "while training"]
    lines = [
        "# What each preset costs",
        "",
        "<!-- written by tools/profile_models.py -->",
        "",
        f"| {' | '.join(heads)} |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        caption = "–" if row["caption_gflops"] is None else f"{row['caption_gflops']:,.1f}"
        lines.append(
            f"| `{row['preset']}` | {row['image']} | {row['text']} | {row['parameters_m']:,.1f} M "
            f"| {row['image_gflops']:,.3g} | {row['text_gflops']:,.3g} | {caption} "
            f"| {row['weights_mib']:,.0f} MiB | {row['training_mib']:,.0f} MiB |"
        )
    lines += [
        "",
        "- A multiplication and an addition count as two. Texts have their longest length; a caption",
        "  includes its image and the scores of every next word, teacher forcing.",
        "- Weights are float32. While training, each has a gradient and AdamW's two moments beside it; what",
        "  the batch itself needs comes on top and is bounded by `micro_batch_size`.",
        "- Counted on the meta device by `torch.utils.flop_counter`, for the presets as they are in",
        "  `src/openautoglm/presets/`.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description="Count what each preset costs.")
    parser.add_argument("--quick", action="store_true", help="write under runs/, not the committed files")
    quick = parser.parse_args().quick
    rows = [profile(name) for name in preset_names()]
    text = page(rows)
    print(text)
    units = {"parameters_m": "million", "image_gflops": "GFLOP", "text_gflops": "GFLOP", "build_s": "s"}
    numbers = {
        f"{row['preset']}_{key}": figures.figure(round(row[key], 3), unit)
        for row in rows
        for key, unit in units.items()
    }
    figures.write("profile", numbers, rows, quick=quick)
    target = figures.RUNS / PAGE.name if quick else PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
