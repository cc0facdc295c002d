"""Data that comes as a Debian package: downloaded by apt's own client, unpacked aside, never installed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path


class PackageError(RuntimeError):
    """A package cannot be had here; the message says what to do."""


def fetch(package: str, cache: Path) -> Path:
    """Return the package's file in `cache`, downloaded by apt when it is not there.

    Raises:
        PackageError: if there is no apt, or it cannot download.
    """
    there = sorted(cache.glob(f"{package}_*.deb"))
    if there:
        return there[-1]
    cache.mkdir(parents=True, exist_ok=True)
    advice = (
        f"On Debian or Ubuntu run `apt-get update`, then again; elsewhere put {package}_*.deb in {cache}."
    )
    if shutil.which("apt-get") is None:
        raise PackageError(f"There is no apt-get to download {package} with. {advice}")
    # Downloaded aside and then moved: a broken download must not pass for the package next time.
    with tempfile.TemporaryDirectory(dir=cache) as aside:
        done = subprocess.run(["apt-get", "download", package], cwd=aside, capture_output=True, text=True)
        files = list(Path(aside).glob("*.deb"))
        if done.returncode or not files:
            raise PackageError(f"apt-get could not download {package}: {done.stderr.strip()} {advice}")
        return files[0].rename(cache / files[0].name)


def unpack(package: Path, folder: Path) -> None:
    """Unpack a Debian package into `folder`.

    Raises:
        PackageError: if it does not unpack, or there is no dpkg-deb.
    """
    if shutil.which("dpkg-deb") is None:
        raise PackageError(f"dpkg-deb is needed to unpack {package.name}; install the package `dpkg`.")
    done = subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise PackageError(f"{package} does not unpack: {done.stderr.strip()} Remove it, then run again.")


def digest(package: Path) -> str:
    """Name the file's content: SHA-256."""
    with package.open("rb") as file:
        return f"SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
