"""make bench-encode: pictures a second, from JPEGs on disk to vectors, with the same weights.

*ours*                    `encode_pictures` over a catalogue, as `autoglm index` runs it
*sentence-transformers*   `SentenceTransformer(folder).encode` over opened pictures, its defaults
*rclip*                   its loop of eight pictures: read, turn, prepare one by one, encode together; written
                          here over transformers, since rclip brings weights of its own

The weights are CLIP models made at random in the format of transformers: a tiny one, where decoding is all
the work, and one of ViT-B/32's size. The pictures are `photos.py`'s. All run in one process with the same
threads and take turns after one turn to warm up; a ratio is taken turn by turn, against whichever peer was
faster there. Adding the pictures to the catalogue is not counted, as the peers keep none.

*Agreement*: the cosine of each vector with the one that transformers makes of the whole picture in float32.
All vectors of a random model resemble each other, so the mean over the pictures is taken off first as well
(`centred`), which leaves what tells pictures apart.

*Parts*: what each of our changes brings, the others left as they are.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image, ImageOps

from benchmarks.figures import RUNS, figure, write
from benchmarks.photos import make_photos
from openautoglm.catalog.catalog import Catalog
from openautoglm.evaluate.encoding import encode_pictures
from openautoglm.model import OpenAutoGLM

Way = Callable[[], np.ndarray]
RCLIP_BATCH = 8
"""rclip's default."""
TINY = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
MODELS: dict[str, dict[str, Any]] = {
    "tiny": {"text": TINY, "vision": {**TINY, "image_size": 224, "patch_size": 32}, "dim": 64},
    "vit-b-32": {"text": {}, "vision": {}, "dim": 512},
}


def main() -> None:
    """Measure each model and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="a tiny model, few small pictures")
    quick = options.parse_args().quick
    rows: list[dict[str, Any]] = []
    for name, count, turns in (("tiny", 12, 1),) if quick else (("tiny", 200, 5), ("vit-b-32", 200, 5)):
        photos = make_photos(
            RUNS / "encode" / ("small" if quick else "photos"), count, shrink=4 if quick else 1
        )
        rows += measure(name, photos, turns)
    write("encode", figures(rows), rows, quick=quick)


def measure(name: str, photos: list[Path], turns: int) -> list[dict[str, Any]]:
    """Time all programs with one model, turn by turn; then our parts."""
    folder = RUNS / "encode" / name
    if not (folder / "config.json").exists():
        make_clip(folder, MODELS[name])
    shop_folder = RUNS / "encode" / f"shop-{name}-{len(photos)}"
    shutil.rmtree(shop_folder, ignore_errors=True)
    listed = shop_folder.with_suffix(".csv")
    listed.write_text("\n".join(["picture", *map(str, photos)]) + "\n", encoding="utf-8")
    shop = Catalog(shop_folder, create=True)
    shop.add(listed)
    rows = shop.read(["id", "_image"]).to_pylist()
    order = {str((shop.folder / row["_image"]).resolve()): row["id"] for row in rows}
    ids = [order[str(path.resolve())] for path in photos]
    model = OpenAutoGLM.from_pretrained(folder)

    ways: dict[str, Way] = {"ours": lambda: encode_pictures(model, shop, ids).vectors}
    if (theirs := sentence_transformers(folder, photos)) is not None:
        ways["sentence-transformers"] = theirs
    ways["rclip"] = rclip(folder, photos)
    true = reference(folder, photos)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, np.ndarray] = {}
    for turn in range(turns + 1):
        for way, run in ways.items():
            gc.collect()
            began = time.perf_counter()
            found[way] = run()
            if turn:
                seconds[way].append(time.perf_counter() - began)
    taken = {way: np.array(times) for way, times in seconds.items()}
    peer = np.minimum.reduce([times for way, times in taken.items() if way != "ours"])
    told = []
    for way, times in taken.items():
        row = {
            "model": name,
            "way": way,
            "pictures": len(photos),
            **spread(len(photos) / times, "images_per_s"),
        }
        row |= spread(peer / times, "speedup") | agreement(found[way], true)
        told.append(row)
        print(line(row), flush=True)
    return told + parts(name, model, shop, ids, true, turns)


def parts(
    name: str, model: OpenAutoGLM, shop: Catalog, ids: list[str], true: np.ndarray, turns: int
) -> list[dict[str, Any]]:
    """Leave out one of our changes at a time."""
    changes: dict[str, Any] = {
        "all": nullcontext,
        "without draft decoding": whole_pictures,
        "without threads": one_by_one,
        "without bfloat16": lambda: patch("openautoglm.inference.quick", lambda tower: nullcontext()),
    }
    seconds: dict[str, list[float]] = {change: [] for change in changes}
    found: dict[str, np.ndarray] = {}
    for _ in range(max(1, turns - 2)):
        for change, without in changes.items():
            with without():
                began = time.perf_counter()
                found[change] = encode_pictures(model, shop, ids).vectors
                seconds[change].append(time.perf_counter() - began)
    told = []
    for change, times in seconds.items():
        row = {"model": name, "part": change, **spread(len(ids) / np.array(times), "images_per_s")}
        row |= spread(np.array(times) / np.array(seconds["all"]), "times_the_time") | agreement(
            found[change], true
        )
        told.append(row)
        print(line(row), flush=True)
    return told


@contextmanager
def whole_pictures() -> Iterator[None]:
    """Decode each JPEG whole."""
    real = Catalog.load_image
    with patch.object(Catalog, "load_image", lambda self, row, enough=None: real(self, row)):
        yield


@contextmanager
def one_by_one() -> Iterator[None]:
    """Decode no picture ahead."""
    with patch("openautoglm.evaluate.encoding.in_order", map):
        yield


def sentence_transformers(folder: Path, photos: list[Path]) -> Way | None:
    """Its own loop; None where it is not installed."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        print("without sentence-transformers, which is not installed: pip install '.[bench]'")
        return None
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def run() -> np.ndarray:
        # Opened lazily, as its documentation does; 256 at a time, so that not all files are open at once.
        vectors = [
            model.encode([Image.open(path) for path in photos[start : start + 256]], show_progress_bar=False)
            for start in range(0, len(photos), 256)
        ]
        return unit(np.concatenate(vectors))

    return run


def rclip(folder: Path, photos: list[Path]) -> Way:
    """What rclip does for each eight pictures, over transformers."""
    model, processor = transformers_clip(folder)

    def run() -> np.ndarray:
        vectors = []
        for start in range(0, len(photos), RCLIP_BATCH):
            images = [
                ImageOps.exif_transpose(Image.open(path)) for path in photos[start : start + RCLIP_BATCH]
            ]
            pixels = torch.cat([processor(image, return_tensors="pt")["pixel_values"] for image in images])
            with torch.no_grad():
                vectors.append(model.get_image_features(pixels).pooler_output.numpy())
        return unit(np.concatenate(vectors))

    return run


def reference(folder: Path, photos: list[Path]) -> np.ndarray:
    """What transformers makes of the whole pictures, in float32."""
    return rclip(folder, photos)()


def transformers_clip(folder: Path) -> tuple[Any, Any]:
    """The model and how its pictures are prepared."""
    import transformers

    model = transformers.CLIPModel.from_pretrained(folder, local_files_only=True).eval()
    return model, transformers.CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)


def make_clip(folder: Path, shape: dict[str, Any]) -> None:
    """A CLIP of this shape, with random weights and a tokenizer of one sentence."""
    import transformers

    from openautoglm.encoders.tokenizer import train_bpe

    tokenizer = train_bpe(["a photo of a golden ginkgo avenue"], 512)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=77
    )
    marks = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.CLIPConfig(
        text_config={**shape["text"], **marks}, vision_config=shape["vision"], projection_dim=shape["dim"]
    )
    torch.manual_seed(0)
    model = transformers.CLIPModel(config)
    with torch.no_grad():
        # Fresh weights are so small that all pictures look alike; larger ones tell them apart.
        for parameter in model.vision_model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(2.0)
    model.save_pretrained(folder)
    image = transformers.CLIPImageProcessorPil()
    transformers.CLIPProcessor(image_processor=image, tokenizer=fast).save_pretrained(folder)
    image.save_pretrained(folder)


def agreement(found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """The smallest cosine of a picture's two vectors, as they are and with the mean taken off."""
    mean = true.mean(axis=0)
    centred = (unit(found - mean) * unit(true - mean)).sum(axis=1)
    return {
        "cosine_min": round(float((found * true).sum(axis=1).min()), 6),
        "centred_min": round(float(centred.min()), 5),
        "centred_median": round(float(np.median(centred)), 5),
    }


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def spread(values: np.ndarray, name: str) -> dict[str, float]:
    """Give the median and the 95 % interval of it, by resampling."""
    draws = np.random.default_rng(0).choice(values, (2000, len(values)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    rounded = {name: np.median(values), f"{name}_low": low, f"{name}_high": high}
    return {key: round(float(value), 2) for key, value in rounded.items()}


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pick what the README and the goals speak of."""
    found = {}
    try:
        installed = f"sentence-transformers {version('sentence-transformers')}"
    except PackageNotFoundError:
        installed = "sentence-transformers not installed"
    peers = f"{installed}; rclip's loop over transformers {version('transformers')}"
    main_model = "vit-b-32" if any(row["model"] == "vit-b-32" for row in rows) else rows[0]["model"]
    for row in rows:
        if row.get("way") != "ours":
            continue
        end = "" if row["model"] == main_model else f"_{row['model'].replace('-', '_')}"
        for key, note in (
            ("speedup", f"turn by turn over the faster of {peers}"),
            ("images_per_s", "end to end from JPEGs of 1.2 to 2.1 megapixels"),
        ):
            bounds = {"low": row[f"{key}_low"], "high": row[f"{key}_high"]}
            unit_name = "ratio" if key == "speedup" else "images/s"
            found[key + end] = figure(row[key], unit_name, note=f"{row['model']}; {note}", **bounds)
        found["cosine_min" + end] = figure(
            row["cosine_min"],
            "cosine",
            note=f"smallest of {row['pictures']}, with transformers in float32 on the whole picture; "
            f"with the mean taken off {row['centred_min']}, median {row['centred_median']}",
        )
    return found


def line(row: dict[str, Any]) -> str:
    """Return a row of the printed table."""
    what = row.get("way") or row["part"]
    ratio = (
        f"{row['speedup']:.2f} × the faster peer"
        if "way" in row
        else f"{row['times_the_time']:.2f} × the time"
    )
    return (
        f"{row['model']:<10}{what:<26}{row['images_per_s']:>8.1f} images/s   {ratio:<24}"
        f"cosine ≥ {row['cosine_min']:.5f}, centred ≥ {row['centred_min']:.4f}"
    )


if __name__ == "__main__":
    main()
