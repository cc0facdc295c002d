"""Videos that PyAV encodes: which frames are seen, turned and stretched ones, long, odd and broken ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from openautoglm.catalog import video
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.images import BadImage
from openautoglm.catalog.video import FRAMES, Video
from openautoglm.evaluate.encoding import encode_pictures
from openautoglm.search.background import Background
from openautoglm.search.query import Query

Paint = Callable[[float], tuple[int, int, int]]


def grey(share: float) -> tuple[int, int, int]:
    """The brightness tells the time: 20 at the beginning, 220 at the end."""
    level = round(20 + 200 * share)
    return level, level, level


def encode(
    path: Path,
    frames: int,
    *,
    rate: Fraction | int = 10,
    size: tuple[int, int] = (64, 48),
    paint: Paint = grey,
    codec: str = "mpeg4",
    gop: int = 10,
    turn: int = 0,
    aspect: Fraction | None = None,
) -> Path:
    """Frames of one colour each; in their upper left a red square, so that turning can be seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)
        for number in range(frames):
            picture = Image.new("RGB", size, paint((number + 0.5) / frames))
            picture.paste((250, 0, 0), (0, 0, size[0] // 4, size[1] // 4))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def encode_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        for _ in range(10):
            container.mux(stream.encode(silence))
        container.mux(stream.encode())
    return path


def levels(frames: list[Image.Image]) -> list[int]:
    return [frame.getpixel((frame.width * 3 // 4, frame.height * 3 // 4))[0] for frame in frames]


def test_a_clip_is_a_row_seen_by_frames_of_equal_parts(shop: Catalog, tmp_path: Path) -> None:
    encode(tmp_path / "clips/red panda eats.mp4", 40)
    assert str(shop.add(tmp_path / "clips")) == "+1 ~0 −0"
    (row,) = shop.read().to_pylist()
    assert row["id"] == "clips/red panda eats.mp4"
    assert (row["seconds"], row["_width"], row["_height"]) == (4.0, 64, 48)
    assert row["caption"] == "red panda eats"
    frames = shop.load_frames(row)
    expected = [20 + 200 * (part + 0.5) / FRAMES for part in range(FRAMES)]
    assert levels(frames) == pytest.approx(expected, abs=6)
    assert levels([shop.load_image(row)]) == pytest.approx([120], abs=6)


def test_a_picture_has_one_frame(shop: Catalog, tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), "red").save(tmp_path / "a.gif")
    (tmp_path / "a.csv").write_text("photo,title\na.gif,red\n")
    shop.add(tmp_path / "a.csv")
    (frame,) = shop.load_frames({"id": "a:a.gif"})
    assert frame == shop.load_image({"id": "a:a.gif"})


def test_a_clip_is_turned_and_stretched_as_players_show_it(tmp_path: Path) -> None:
    for turn, corner in ((90, (5, 60)), (-90, (43, 5)), (180, (60, 43))):
        clip = Video(encode(tmp_path / f"{turn}.mp4", 4, turn=turn))
        picture = clip.picture()
        assert picture.size == ((64, 48) if turn == 180 else (48, 64)) == clip.facts({})[1:3]
        red, green, _ = picture.getpixel(corner)
        assert red > 180 and green < 60, turn
    clip = Video(encode(tmp_path / "wide.mp4", 4, aspect=Fraction(2, 1)))
    assert clip.picture().size == (128, 48) == clip.facts({})[1:3]


def test_a_large_clip_is_seen_smaller(tmp_path: Path) -> None:
    clip = Video(encode(tmp_path / "large.mp4", 2, size=(1280, 64)))
    assert clip.facts({})[1:3] == (1280, 64)
    assert clip.picture().size == (1024, 51)


@pytest.mark.parametrize("gop", [10, 100_000])
def test_a_long_clip_is_sought_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gop: int) -> None:
    # A frame a second for 20 minutes; the second one has two key frames, as screen recordings may.
    path = encode(tmp_path / "long.mp4", 1200, rate=1, size=(32, 32), gop=gop)
    decoded = 0
    real = video._decoded

    def counting(*given: object) -> object:
        nonlocal decoded
        for frame in real(*given):  # type: ignore[arg-type]
            decoded += 1
            yield frame

    monkeypatch.setattr(video, "_decoded", counting)
    frames = Video(path).frames()
    found = levels(frames)
    assert found == sorted(set(found)) and len(found) == FRAMES
    if gop == 10:
        assert decoded == FRAMES
        expected = [20 + 200 * (part + 0.5) / FRAMES for part in range(FRAMES)]
        assert found == pytest.approx(expected, abs=8)
    else:
        assert decoded <= 1200


def test_clips_shorter_than_the_frames_have_each_frame_once(tmp_path: Path) -> None:
    assert len(Video(encode(tmp_path / "three.mp4", 3)).frames()) == 3
    assert len(Video(encode(tmp_path / "one.mp4", 1)).frames()) == 1


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.mov", "a.mpg"])
def test_other_containers(tmp_path: Path, name: str) -> None:
    codec = "mpeg2video" if name.endswith("mpg") else "mpeg4"
    clip = Video(encode(tmp_path / name, 50, rate=25, codec=codec))
    assert clip.seconds() == pytest.approx(2.0, abs=0.3)  # an MPEG program stream does not say it
    assert len(clip.frames()) == FRAMES


def test_what_is_no_video_is_listed(shop: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    good = encode(folder / "good.mp4", 20)
    encode_sound(folder / "sound.mp4")
    (folder / "empty.mp4").touch()
    (folder / "text.mov").write_text("no video at all " * 100)
    data = good.read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) // 2])  # its index stood at the end
    with av.open(str(folder / "none.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        container.start_encoding()
    report = shop.add(folder)
    assert report.added == 1
    said = {Path(one.path or "").name: one.reason for one in report.skipped}
    assert set(said) == {"sound.mp4", "empty.mp4", "text.mov", "cut.mp4", "none.avi"}
    assert said["sound.mp4"] == "sound without a picture"
    assert said["none.avi"] == "a video without a frame that can be decoded"
    assert said["text.mov"].startswith("broken video (")


def test_what_is_left_of_a_damaged_clip_is_used(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    frames = Video(path).frames()
    assert 3 <= len(frames) <= FRAMES and levels(frames) == sorted(levels(frames))


def test_added_again_a_clip_is_not_decoded(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mp4", 10)
    shop.add(path)

    def refuse(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(video, "_taken", refuse)
    assert shop.add(path).unchanged == 1


def test_a_kept_clip_needs_its_file_no_more(shop: Catalog, tmp_path: Path) -> None:
    path = encode(tmp_path / "clips/a.mp4", 40)
    shop.add(path.parent, embed=True)
    before = levels(shop.load_frames({"id": "clips/a.mp4"}))
    assert shop.add(path.parent).unchanged == 1
    path.unlink()
    assert levels(shop.load_frames({"id": "clips/a.mp4"})) == pytest.approx(before, abs=6)
    assert levels([shop.load_image({"id": "clips/a.mp4"})]) == pytest.approx([before[FRAMES // 2]], abs=6)


class Colours:
    """A stand-in for a model: a picture's vector is the direction of its colour in the lower right."""

    def __init__(self) -> None:
        self.most = 0

    def encode(
        self, images: list[Image.Image] | None = None, texts: object = None, batch_size: int = 64
    ) -> np.ndarray:
        assert images is not None
        self.most = max(self.most, len(images))
        colours = np.array(
            [image.getpixel((image.width * 3 // 4, image.height * 3 // 4)) for image in images], np.float32
        )
        return colours / np.linalg.norm(colours, axis=1, keepdims=True)

    def fingerprint(self) -> str:
        return "colours"


def test_a_clips_vector_is_the_mean_direction_of_its_frames(shop: Catalog, tmp_path: Path) -> None:
    # Half red, half green: the middle of the two directions, which no single frame shows.
    encode(tmp_path / "in/clip.mp4", 40, paint=lambda share: (220, 0, 0) if share < 0.5 else (0, 220, 0))
    Image.new("RGB", (8, 8), (0, 0, 9)).save(tmp_path / "in/blue.png")
    shop.add(tmp_path / "in")
    model = Colours()
    found = encode_pictures(model, shop, ["in/blue.png", "in/clip.mp4"], batch_size=4)
    assert found.vectors[0].tolist() == [0, 0, 1]
    assert found.vectors[1] == pytest.approx([0.7071, 0.7071, 0], abs=0.03)
    assert np.linalg.norm(found.vectors[1]) == pytest.approx(1)
    assert found.kept.tolist() == [0, 1]


def test_a_clip_finds_its_like(shop: Catalog, tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", 40, paint=lambda share: (220, 0, 0) if share < 0.5 else (0, 220, 0))
    model, background = Colours(), Background(np.zeros((0, 3), np.float32))
    found = Query.of(image=path).vector(model, shop, background)
    assert found == pytest.approx([0.7071, 0.7071, 0], abs=0.03)
    # Beside a picture each counts as one, however many frames it has.
    both = Query.of(image=[path, Image.new("RGB", (8, 8), (0, 0, 9))]).vector(model, shop, background)
    assert both == pytest.approx([0.5, 0.5, 0.7071], abs=0.03)


def test_many_clips_are_encoded_a_few_frames_at_a_time(shop: Catalog, tmp_path: Path) -> None:
    for number in range(6):
        encode(tmp_path / f"clips/{number}.mp4", 16, paint=lambda _, level=20 * number + 20: (level, 0, 90))
    shop.add(tmp_path / "clips")
    model = Colours()
    found = encode_pictures(model, shop, [f"clips/{n}.mp4" for n in range(6)], batch_size=10)
    assert model.most <= 10 + FRAMES
    reds = found.vectors[:, 0].tolist()
    assert reds == sorted(reds) and len(set(reds)) == 6


def test_a_clip_that_has_gone_is_named(shop: Catalog, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", 4)
    shop.add(path)
    path.unlink()
    with pytest.raises(BadImage, match="file not found"):
        shop.load_image({"id": "a.mp4"})
    assert encode_pictures(Colours(), shop, ["a.mp4"]).broken[0].reason == "file not found"  # type: ignore[arg-type]


def test_av_is_imported_when_the_first_video_comes() -> None:
    heavy = {"av", "pypdfium2", "sqlalchemy"}
    ask = f"import sys, openautoglm.catalog.catalog; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
