"""Packages of data: what is there stays, what fails is told with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import debian

PACKAGE = "some-data"


def test_a_package_that_is_in_the_cache_is_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    package = tmp_path / "some-data_1_all.deb"
    package.touch()
    assert debian.fetch(PACKAGE, tmp_path) == package


def test_without_apt_the_message_says_where_to_put_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(debian.PackageError, match=rf"put some-data_\*\.deb in {tmp_path}"):
        debian.fetch(PACKAGE, tmp_path)


def test_a_failed_download_is_told_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    fake = commands / "apt-get"
    fake.write_text("#!/bin/sh\n: > half.deb\necho 'E: no network' >&2\nexit 100\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(commands))
    with pytest.raises(debian.PackageError, match=r"E: no network On Debian or Ubuntu run `apt-get update`"):
        debian.fetch(PACKAGE, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_package_that_does_not_unpack_is_named(tmp_path: Path) -> None:
    package = tmp_path / "some-data_1_all.deb"
    package.write_bytes(b"half a download")
    with pytest.raises(debian.PackageError, match="some-data_1_all"):
        debian.unpack(package, tmp_path / "out")


def test_without_dpkg_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(debian.PackageError, match="dpkg-deb is needed"):
        debian.unpack(tmp_path / "any.deb", tmp_path / "out")
