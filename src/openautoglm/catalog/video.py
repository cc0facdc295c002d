"""Videos: a clip is one row, seen by a few frames spread evenly over its time (PyAV, FFmpeg's libraries).

    ├─────┼─────┼─────┼─────┤        the clip in N = 8 equal parts (4 here),
       ▲     ▲     ▲     ▲           one frame from the middle of each

The frame in the middle stands for the clip where one picture is wanted (sheets, training); an index
encodes all N and pools them (`evaluate/encoding.py`). Short clips are decoded once from end to end; in
long ones each frame is sought: the last key frame before its time, so that two hours cost as much as
two minutes. Frames are upright, with square pixels, and at most `LONGER_SIDE` pixels long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from openautoglm.catalog.hashing import file_hash
from openautoglm.catalog.images import BadImage, ImageFacts
from openautoglm.catalog.look import look_at
from openautoglm.catalog.source import Part

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".flv",
        ".3gp",
        ".ogv",
        ".m2ts",
    ]
)
FRAMES = 8
LONGER_SIDE = 1024
SHORT = 30.0
"""Seconds up to which a clip is decoded from end to end."""
_PATIENCE = 300
"""Frames decoded on the way to one where there is no key frame: ten seconds of usual video."""


class Video(Part):
    """The clip in `path`."""

    def facts(self, proven: Mapping[str, ImageFacts]) -> ImageFacts:
        """Hash the file, and measure the clip as it is seen."""
        try:
            digest = file_hash(self.path)
        except OSError as error:
            raise BadImage(self.path, f"cannot be read: {error.strerror}") from error
        if digest in proven:
            return proven[digest]
        with _opened(self.path) as (container, stream):
            frames = _taken(self.path, container, stream, FRAMES)
            middle = frames[len(frames) // 2]
            return ImageFacts(digest, *_seen_size(middle, stream), look_at(_image(middle, stream)).hash)

    def seconds(self) -> float | None:
        """How long it is."""
        with _opened(self.path) as (container, stream):
            length = _length(container, stream)
        return round(length, 3) if length else None

    def frames(self) -> list[Image.Image]:
        """Up to `FRAMES` frames, from equal parts of the clip; fewer where it has fewer."""
        with _opened(self.path) as (container, stream):
            return [_image(frame, stream) for frame in _taken(self.path, container, stream, FRAMES)]

    def picture(self) -> Image.Image:
        """The frame in the middle."""
        with _opened(self.path) as (container, stream):
            return _image(_taken(self.path, container, stream, 1)[0], stream)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the file and its first moving picture; whatever FFmpeg says inside becomes `BadImage`."""
    try:
        import av
    except ImportError:
        raise BadImage(path, "reading videos needs PyAV; pip install 'openautoglm[video]'") from None
    try:
        with av.open(str(path), mode="r", metadata_errors="replace") as container:
            # The cover of a piece of music is a video stream, too.
            moving = [
                one
                for one in container.streams.video
                if not one.disposition & av.stream.Disposition.attached_pic
            ]
            if not moving:
                what = "sound without a picture" if container.streams.audio else "no video in it"
                raise BadImage(path, what)
            yield container, moving[0]
    except FileNotFoundError:
        raise BadImage(path, "file not found") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise BadImage(path, f"broken video ({said})") from error


def _taken(path: Path, container: InputContainer, stream: VideoStream, count: int) -> list[av.VideoFrame]:
    """Decode `count` frames from the middles of equal parts of the clip, or what there is of them."""
    length = _length(container, stream)
    times = [(part + 0.5) / count * (length or 0.0) for part in range(count)]
    if length is not None and length > SHORT:
        frames = list(_sought(container, stream, times))
    else:
        frames = _passed(container, stream, times)
    if not frames:
        raise BadImage(path, "a video without a frame that can be decoded")
    return frames


def _passed(container: InputContainer, stream: VideoStream, times: Sequence[float]) -> list[av.VideoFrame]:
    """Decode from end to end; of each time the frame that is on the screen then."""
    start, last = _start(stream), None
    taken: list[av.VideoFrame] = []
    for frame in _decoded(container, stream):
        while len(taken) < len(times) and last is not None and _time(frame) - start > times[len(taken)]:
            taken.append(last)
        last = frame
        if len(taken) == len(times):
            break
    taken += [last] * (len(times) - len(taken)) if last is not None else []
    return [frame for place, frame in enumerate(taken) if place == 0 or frame is not taken[place - 1]]


def _sought(
    container: InputContainer, stream: VideoStream, times: Sequence[float]
) -> Iterator[av.VideoFrame]:
    """Seek the key frame before each time; where there is none after the last taken, go on from there."""
    start, latest = _start(stream), None
    coming: Iterator[av.VideoFrame] = iter(())
    for time in times:
        seeks = latest is None or not _is_between_keys(stream, latest, start + time)
        if seeks:
            container.seek(int((start + time) / (stream.time_base or 1)), stream=stream)
            coming = _decoded(container, stream)
        found = None
        for seen, frame in enumerate(coming):
            if latest is None or _time(frame) > latest:
                found = frame
            enough = found is not None and ((seeks and seen == 0) or _time(frame) - start >= time)
            if enough or seen >= _PATIENCE:
                break
        if found is not None:
            latest = _time(found)
            yield found


def _is_between_keys(stream: VideoStream, latest: float, time: float) -> bool:
    """Whether the file's index, if it reaches that far, knows of no key frame between the two times."""
    index, base = stream.index_entries, float(stream.time_base or 1)
    if not len(index) or index[len(index) - 1].timestamp * base < time:
        return False
    key = index.search_timestamp(int(time / base))
    return key >= 0 and index[key].timestamp * base <= latest


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Decode frames until the end, or until the first damage: what came before it is good."""
    import av

    try:
        for frame in container.decode(stream):
            if frame.pts is not None and not frame.is_corrupt:
                yield frame
    except av.FFmpegError:
        return


def _length(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds as the file states them, else as its packets do."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration / 1_000_000
    ends = [
        (packet.pts + (packet.duration or 0)) * packet.time_base
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    container.seek(0)
    return float(max(ends)) - _start(stream) if ends else None


def _start(stream: VideoStream) -> float:
    return float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0


def _time(frame: av.VideoFrame) -> float:
    return float(frame.time or 0.0)


def _seen_size(frame: av.VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height on the screen: square pixels, upright."""
    aspect = float(stream.sample_aspect_ratio or 1)
    size = max(1, round(frame.width * aspect)), frame.height
    return size if _quarters(frame) % 2 == 0 else (size[1], size[0])


def _quarters(frame: av.VideoFrame) -> int:
    return round(frame.rotation / 90)


def _image(frame: av.VideoFrame, stream: VideoStream) -> Image.Image:
    quarters = _quarters(frame)
    width, height = _seen_size(frame, stream)
    scale = min(1.0, LONGER_SIDE / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    lying = (height, width) if quarters % 2 else (width, height)
    image: Image.Image = frame.to_image(width=lying[0], height=lying[1], interpolation="AREA")
    return image.rotate(90 * quarters, expand=True) if quarters else image
