"""Date, place and camera as cameras write them, and as they should not."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from openautoglm.catalog.embedded import embedded_values
from openautoglm.catalog.photo import read_photo

MAKE, MODEL, CHANGED, EXIF_IFD, GPS_IFD = 0x010F, 0x0110, 0x0132, 0x8769, 0x8825
TAKEN, DIGITISED = 0x9003, 0x9004


def photo(
    details: dict[int, object] | None = None, gps: dict[int, object] | None = None, **tags: object
) -> dict[str, object]:
    exif = Image.Exif()
    for name, value in tags.items():
        exif[{"make": MAKE, "model": MODEL, "changed": CHANGED}[name]] = value
    exif.get_ifd(EXIF_IFD).update(details or {})
    exif.get_ifd(GPS_IFD).update(gps or {})
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "JPEG", exif=exif)
    return read_photo(Image.open(out))


def place(latitude: object, longitude: object, sides: str = "NE") -> dict[str, object]:
    return photo(gps={1: sides[0], 2: latitude, 3: sides[1], 4: longitude})


def degrees(*parts: int, over: int = 1) -> tuple[IFDRational, ...]:
    return tuple(IFDRational(part, over) for part in parts)


def test_a_place_in_degrees_minutes_and_seconds() -> None:
    values = place(degrees(39, 54, 59), degrees(116, 23, 50))
    assert values == {"latitude": pytest.approx(39.916389), "longitude": pytest.approx(116.397222)}


def test_south_and_west_are_negative() -> None:
    assert place(degrees(22, 30, 0), degrees(43, 15, 0), "SW") == {"latitude": -22.5, "longitude": -43.25}


@given(st.floats(-89, 89), st.floats(-179, 179))
@settings(max_examples=50, deadline=None)
def test_any_place_comes_back(latitude: float, longitude: float) -> None:
    scale = 10**7
    values = place(
        (IFDRational(round(abs(latitude) * scale), scale), IFDRational(0), IFDRational(0)),
        (IFDRational(round(abs(longitude) * scale), scale), IFDRational(0), IFDRational(0)),
        ("S" if latitude < 0 else "N") + ("W" if longitude < 0 else "E"),
    )
    if values:
        assert values["latitude"] == pytest.approx(latitude, abs=1e-6)
        assert values["longitude"] == pytest.approx(longitude, abs=1e-6)
    else:
        assert abs(latitude) < 1e-6 and abs(longitude) < 1e-6


@pytest.mark.parametrize(
    ("latitude", "longitude", "sides"),
    [
        (degrees(0, 0, 0, over=0), degrees(0, 0, 0, over=0), "NE"),  # zero denominators
        (degrees(39, 54, 59, over=0), degrees(116, 23, 50), "NE"),
        (degrees(0, 0, 0), degrees(0, 0, 0), "NE"),  # no fix
        (degrees(95, 0, 0), degrees(10, 0, 0), "NE"),
        (degrees(45, 0, 0), degrees(181, 0, 0), "NE"),
        (degrees(45, 0, 0), degrees(10, 0, 0), "XE"),
    ],
)
def test_a_place_that_cannot_be_is_left_out_whole(latitude: object, longitude: object, sides: str) -> None:
    assert place(latitude, longitude, sides) == {}


def test_the_time_is_the_cameras_clock() -> None:
    taken = {TAKEN: "2024:05:31 18:30:05", 0x9011: "+08:00", DIGITISED: "2025:01:01 00:00:00"}
    assert photo(taken) == {"taken_at": datetime(2024, 5, 31, 18, 30, 5)}


def test_a_scan_has_its_own_time_and_an_edit_is_none() -> None:
    scanned = {DIGITISED: "2024:05:31 18:30:05"}
    assert photo(scanned, changed="2025:01:01 00:00:00") == {"taken_at": datetime(2024, 5, 31, 18, 30, 5)}
    assert photo(changed="2025:01:01 00:00:00") == {}


@pytest.mark.parametrize(
    "said",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2024:13:41 10:00:00",
        "2024:02:30 10:00:00",
        "0001:01:01 00:00:00",
    ]
    + ["2024:05:31 25:61:61", "yesterday", "", "2024:05:31"],
)
def test_a_date_that_cannot_be_is_left_out(said: str) -> None:
    assert photo({TAKEN: said}, model="X100") == {"camera": "X100"}


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
        ("Apple", "iPhone 15 Pro", "Apple iPhone 15 Pro"),
        ("OLYMPUS IMAGING CORP.  ", "E-M1", "OLYMPUS E-M1"),
        ("小米", "小米 14", "小米 14"),
        ("Sony", None, "Sony"),
        (None, "X100", "X100"),
        ("  ", " \0 ", None),
    ],
)
def test_the_camera_in_one_readable_string(make: str | None, model: str | None, camera: str | None) -> None:
    tags = {"make": make and make.encode(), "model": model and model.encode()}
    assert photo(**{name: said for name, said in tags.items() if said}).get("camera") == camera


@given(st.binary(max_size=120))
@settings(max_examples=60, deadline=None)
def test_broken_exif_never_breaks_a_row(junk: bytes) -> None:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + junk)
    assert isinstance(embedded_values(out.getvalue()), dict)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_exif_never_breaks_a_row(data: st.DataObject) -> None:
    exif = Image.Exif()
    exif[MODEL] = "X100"
    exif.get_ifd(EXIF_IFD)[TAKEN] = "2024:05:31 18:30:05"
    exif.get_ifd(GPS_IFD).update({1: "N", 2: degrees(1, 2, 3), 3: "E", 4: degrees(4, 5, 6)})
    block = bytearray(exif.tobytes())
    for _ in range(data.draw(st.integers(1, 8))):
        block[data.draw(st.integers(6, len(block) - 1))] = data.draw(st.integers(0, 255))
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "JPEG", exif=bytes(block))
    values = embedded_values(out.getvalue())
    assert ("latitude" in values) == ("longitude" in values)
