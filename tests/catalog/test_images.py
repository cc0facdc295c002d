"""Every format and mode against the pixels that a person would see; every kind of broken file."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from openautoglm.catalog import formats, images
from openautoglm.catalog.images import BadImage, decode_image, inspect_image, read_image_bytes

SIZE = (16, 8)
LOSSY = ("JPEG", "AVIF", "HEIF")
RED, HALF = (200, 30, 60), (200, 30, 60, 128)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(out, **options)
        return out.getvalue()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF", "BMP", "JPEG", "AVIF", "HEIF"])
def test_each_format_gives_its_colour_as_rgb(kind: str) -> None:
    options = {"WEBP": {"lossless": True}}.get(kind, {"quality": 95} if kind in LOSSY else {})
    data = encoded(Image.new("RGB", SIZE, RED), kind, **options)
    decoded = decode_image(data)
    assert decoded.mode == "RGB"
    assert decoded.size == SIZE
    assert np.allclose(decoded.getpixel((5, 5)), RED, atol=4 if kind in LOSSY else 0)
    assert inspect_image(data)[1:3] == SIZE


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept(kind: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    decoded = decode_image(encoded(Image.new("RGBA", SIZE, HALF), kind, **options))
    assert (decoded.mode, decoded.getpixel((3, 3))) == ("RGBA", HALF)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_alpha_of_lossy_formats_is_kept(kind: str) -> None:
    decoded = decode_image(encoded(Image.new("RGBA", SIZE, HALF), kind, quality=95))
    assert decoded.mode == "RGBA"
    assert np.allclose(decoded.getpixel((3, 3)), HALF, atol=4)


def test_grey_with_alpha() -> None:
    decoded = decode_image(encoded(Image.new("LA", SIZE, (90, 10)), "PNG"))
    assert (decoded.mode, decoded.getpixel((0, 0))) == ("RGBA", (90, 90, 90, 10))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_entry_that_is_transparent_gives_alpha(kind: str) -> None:
    image = Image.new("P", SIZE, 0)
    image.putpalette([*RED, 0, 255, 0])
    image.putpixel((0, 0), 1)
    decoded = decode_image(encoded(image, kind, transparency=1))
    assert decoded.mode == "RGBA"
    assert decoded.getpixel((0, 0))[3] == 0
    assert decoded.getpixel((5, 5)) == (*RED, 255)


def test_a_palette_without_transparency_is_rgb() -> None:
    image = Image.new("P", SIZE, 0)
    image.putpalette([*RED])
    assert decode_image(encoded(image, "PNG")).getpixel((1, 1)) == RED


def test_one_colour_of_an_rgb_png_may_be_transparent() -> None:
    decoded = decode_image(encoded(Image.new("RGB", SIZE, RED), "PNG", transparency=RED))
    assert decoded.getpixel((1, 1)) == (*RED, 0)


def test_black_and_white_and_grey() -> None:
    assert decode_image(encoded(Image.new("1", SIZE, 1), "PNG")).getpixel((0, 0)) == (255, 255, 255)
    assert decode_image(encoded(Image.new("L", SIZE, 77), "PNG")).getpixel((0, 0)) == (77, 77, 77)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(kind: str) -> None:
    decoded = decode_image(encoded(Image.new("CMYK", SIZE, (0, 255, 255, 0)), kind))
    assert np.allclose(decoded.getpixel((2, 2)), (255, 0, 0), atol=8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("value", "seen"), [(0, 0), (257, 1), (32_896, 128), (65_535, 255)])
def test_sixteen_bit_grey_is_scaled(kind: str, value: int, seen: int) -> None:
    image = Image.fromarray(np.full((8, 16), value, np.uint16))
    assert decode_image(encoded(image, kind)).getpixel((0, 0)) == (seen, seen, seen)


def test_sixteen_bit_rgb_png() -> None:
    row = b"\x00" + struct.pack(">3H", 65_535, 32_896, 257)
    chunks = [
        (b"IHDR", struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    assert decode_image(b"\x89PNG\r\n\x1a\n" + body).getpixel((0, 0)) == (255, 128, 1)


def test_float_and_32_bit_grey() -> None:
    halves = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert [decode_image(encoded(halves, "TIFF")).getpixel((x, 0))[0] for x in range(4)] == [0, 128, 255, 0]
    deep = Image.fromarray(np.array([[0, 65_535]], np.int32))
    assert [decode_image(encoded(deep, "TIFF")).getpixel((x, 0))[0] for x in range(2)] == [0, 255]
    signed = Image.fromarray(np.array([[-100, 0, 100]], np.int32))
    assert [decode_image(encoded(signed, "TIFF")).getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_puts_the_red_corner_where_the_photographer_saw_it(kind: str, orientation: int) -> None:
    upright = Image.new("RGB", (32, 16), (0, 0, 255))
    upright.paste((255, 0, 0), (0, 0, 8, 8))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossy = {"quality": 95, "subsampling": "4:4:4"}
    options = {"WEBP": {"lossless": True}, "JPEG": lossy, "AVIF": lossy}.get(kind, {})
    data = encoded(stored, kind, exif=exif, **options)
    decoded = decode_image(data)
    assert decoded.size == (32, 16)
    assert np.allclose(np.asarray(decoded, float), np.asarray(upright, float), atol=12)
    assert inspect_image(data)[1:3] == (32, 16)


@pytest.mark.parametrize("turns", range(4))
def test_a_heif_is_turned_as_its_own_box_says(turns: int) -> None:
    corner = Image.new("RGB", (32, 16), (0, 0, 255))
    corner.paste((255, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 3
    corner.info["exif"] = exif.tobytes()
    data = bytearray(encoded(corner, "HEIF", quality=95))
    # libheif wrote a half turn; this many quarters against the clock are put in its place.
    angle = data.index(b"irot") + 4
    data[angle] = 0
    lying = decode_image(bytes(data))
    data[angle] = turns
    decoded = decode_image(bytes(data))
    assert decoded.size == ((32, 16), (16, 32))[turns % 2] == inspect_image(bytes(data))[1:3]
    upright = lying.rotate(90 * turns, expand=True)
    assert np.allclose(np.asarray(decoded, float), np.asarray(upright, float), atol=40)


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in (RED, (0, 255, 0))]
    for kind in ("GIF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert decode_image(data).convert("RGB").getpixel((0, 0)) == RED


def test_large_jpegs_keep_their_size_when_inspected() -> None:
    assert inspect_image(encoded(Image.new("RGB", (1003, 771)), "JPEG"))[1:3] == (1003, 771)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_a_truncated_picture_is_refused_by_both(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for read in (decode_image, inspect_image):
        with pytest.raises(BadImage, match=r"truncated|broken|not a"):
            read(data[: len(data) // 2])


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
@pytest.mark.parametrize("side", [60_000, 14_000])
def test_a_header_that_states_a_bomb_is_enough(kind: str, side: int) -> None:
    data = bytearray(encoded(Image.new("RGB", (64, 64), RED), kind))
    place = data.index(b"ispe") + 8
    assert struct.unpack_from(">2I", data, place) == (64, 64)
    struct.pack_into(">2I", data, place, side, side)
    with pytest.raises(BadImage, match=r"too large to decode safely|broken"):
        inspect_image(bytes(data))


def test_a_heif_that_is_larger_than_its_header_says_is_refused() -> None:
    data = bytearray(encoded(Image.new("RGB", (640, 640), RED), "HEIF"))
    struct.pack_into(">2I", data, data.index(b"ispe") + 8, 16, 16)
    with pytest.raises(BadImage, match="broken"):
        decode_image(bytes(data))


def test_a_thumbnail_does_not_prove_a_heif() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    data = encoded(Image.fromarray(noise), "HEIF", thumbnails=[32])
    thumbnail = encoded(Image.fromarray(noise).resize((32, 32)), "HEIF")
    broken = bytearray(data)
    middle = len(data) - len(thumbnail) - (len(data) - len(thumbnail)) // 3
    assert len(thumbnail) * 4 < len(data)
    broken[middle : middle + 2000] = bytes(2000)
    assert inspect_image(data)[1:3] == (256, 256)
    del broken[middle:]
    with pytest.raises(BadImage):
        inspect_image(bytes(broken))


def test_the_wrong_suffix_does_not_matter_and_other_boxes_are_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(Image.new("RGB", SIZE, RED), "HEIF"))
    assert decode_image(path).size == SIZE
    with pytest.raises(BadImage, match="not a picture of these formats"):
        decode_image(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100))


def test_a_missing_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("RGB", SIZE, RED), "HEIF")
    monkeypatch.setitem(sys.modules, "pi_heif.as_plugin", None)
    with pytest.raises(BadImage, match="pip install pi-heif"):
        decode_image(data)


@pytest.mark.parametrize(
    "data", [b"not a picture", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a"]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadImage):
        decode_image(data)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [
            (b"IHDR", struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"\0" * 1000)),
            (b"IEND", b""),
        ]
    )
    with pytest.raises(BadImage, match="too large to decode safely"):
        inspect_image(bomb)


def test_the_limit_holds_when_the_program_has_lifted_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(formats, "MAX_PIXELS", 100)
    with pytest.raises(BadImage, match="16 × 8 pixels"):
        decode_image(encoded(Image.new("RGB", SIZE), "PNG"))


def test_missing_empty_and_odd_files(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for name, reason in [("gone.png", "file not found"), ("empty.png", "empty file"), (".", "not a file")]:
        with pytest.raises(BadImage, match=reason) as caught:
            read_image_bytes(tmp_path / name)
        assert caught.value.path == tmp_path / name


def test_a_file_above_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 10)
    (tmp_path / "a.png").write_bytes(b"x" * 11)
    with pytest.raises(BadImage, match="11 bytes; the limit is 10"):
        decode_image(tmp_path / "a.png")


@given(st.data())
@settings(deadline=None)
def test_damage_anywhere_ends_in_a_picture_or_in_bad_image(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "AVIF", "HEIF"]))
    good = bytearray(encoded(Image.new("RGB", (5, 4), RED), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode_image(bytes(good)).mode in ("RGB", "RGBA")
    except BadImage as error:
        assert error.reason


@pytest.mark.parametrize(("size", "enough", "expected"), [
    ((800, 600), 150, (200, 150)),
    ((800, 600), 151, (400, 300)),
    ((801, 599), 150, (401, 300)),
    ((800, 600), 400, (800, 600)),
    ((40, 30), 448, (40, 30)),
])  # fmt: skip
def test_a_jpeg_is_decoded_no_larger_than_needed(
    size: tuple[int, int], enough: int, expected: tuple[int, int], tmp_path: Path
) -> None:
    whole = Image.linear_gradient("L").resize(size).convert("RGB")
    for suffix, found in ((".jpg", expected), (".png", size)):
        whole.save(tmp_path / f"a{suffix}")
        assert decode_image(tmp_path / f"a{suffix}", enough).size == found
    small, large = (decode_image(tmp_path / "a.jpg", one).resize((64, 48)) for one in (enough, None))
    assert np.abs(np.asarray(small, np.int16) - np.asarray(large, np.int16)).mean() < 1.5


def test_a_truncated_jpeg_is_found_at_any_size(tmp_path: Path) -> None:
    Image.effect_noise((640, 480), 60).convert("RGB").save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    with pytest.raises(BadImage, match="truncated"):
        decode_image(data[: len(data) * 2 // 3], 60)
