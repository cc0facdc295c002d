"""A picture's look: what leaves it as it is, what does not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance
from tests.catalog.scenes import jpeg, photo

from openautoglm.catalog.copies import BITS, SURE
from openautoglm.catalog.images import see
from openautoglm.catalog.look import FLAT, Look, look_at, unlikeness


def apart(one: Look, other: Look) -> int:
    return (one.hash ^ other.hash).bit_count()


def are_copies(one: Image.Image, other: Image.Image) -> bool:
    a, b = look_at(one), look_at(other)
    return apart(a, b) <= BITS and bool(unlikeness(a.thumbnail[None], b.thumbnail[None])[0] <= SURE)


DISTORTED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half": lambda image: image.resize((240, 180), Image.Resampling.LANCZOS),
    "squeezed": lambda image: image.resize((480, 300)),
    "jpeg": lambda image: jpeg(image, 30),
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "cropped": lambda image: image.crop((9, 4, 468, 352)),
    "grey border gone, smaller, recompressed": lambda image: jpeg(
        image.crop((6, 6, 474, 354)).resize((300, 220)), 60
    ),
}


@pytest.mark.parametrize("name", DISTORTED)
def test_a_distorted_copy_is_a_copy(name: str) -> None:
    found = [are_copies(photo(seed), DISTORTED[name](photo(seed))) for seed in range(20)]
    assert np.mean(found) >= 0.9


def test_other_pictures_are_no_copies() -> None:
    photos = [photo(seed) for seed in range(30)]
    assert not any(are_copies(a, b) for place, a in enumerate(photos) for b in photos[:place])


def test_one_thing_in_two_colours_is_two_pictures() -> None:
    def shirt(colour: str) -> Image.Image:
        image = Image.new("RGB", (100, 100), "white")
        ImageDraw.Draw(image).polygon(
            [(20, 20), (80, 20), (95, 45), (75, 45), (75, 90), (25, 90), (25, 45), (5, 45)], colour
        )
        return image

    colours = ["red", "orange", "green", "blue", "black"]
    assert not any(are_copies(shirt(a), shirt(b)) for a in colours for b in colours if a != b)
    assert are_copies(shirt("red"), jpeg(shirt("red"), 60))


def test_a_clock_at_another_hour_is_another_picture() -> None:
    def clock(hour: int) -> Image.Image:
        image = Image.new("RGB", (96, 96), "white")
        draw = ImageDraw.Draw(image)
        draw.ellipse((6, 6, 90, 90), outline="black", width=6, fill="lightgray")
        angle = np.pi * hour / 6
        draw.line((48, 48, 48 + 26 * np.sin(angle), 48 - 26 * np.cos(angle)), "black", 6)
        return image

    assert not any(are_copies(clock(a), clock(b)) for a in range(12) for b in range(a))


def test_blank_pictures_have_no_look() -> None:
    dice = np.random.default_rng(0)
    noise = Image.fromarray((np.full((80, 80, 3), 240) + dice.integers(-3, 4, (80, 80, 3))).astype(np.uint8))
    for blank in (Image.new("RGB", (50, 70), "white"), Image.new("RGBA", (9, 9)), noise):
        assert look_at(blank).hash == FLAT
    assert look_at(photo(1)).hash != FLAT


def test_what_is_transparent_counts_as_white() -> None:
    drawing = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(drawing).rectangle((10, 20, 40, 60), "navy")
    white = Image.new("RGBA", (64, 64), "white")
    assert are_copies(drawing, Image.alpha_composite(white, drawing).convert("RGB"))


def test_a_turned_picture_looks_as_it_is_seen() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright, file, turned = photo(3), io.BytesIO(), io.BytesIO()
    upright.save(file, "PNG")
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, "JPEG", quality=95, exif=exif)
    assert apart(see(file.getvalue()), see(turned.getvalue())) <= 4


def test_the_order_of_the_two_does_not_matter() -> None:
    whole = look_at(photo(5)).thumbnail[None]
    part = look_at(photo(5).crop((12, 8, 470, 350))).thumbnail[None]
    assert unlikeness(whole, part)[0] == pytest.approx(unlikeness(part, whole)[0], abs=1e-4)
    assert unlikeness(whole, whole)[0] == pytest.approx(0, abs=0.01)
