"""`workspace.json`: the format's version, the fields' roles, the sources that were added.

Other rooms keep their own keys in it (the default model, say); what this room does not know it keeps.
A write goes to a temporary file that takes the place of the old one, so a kill leaves one or the other.
A change is read, made and written under a lock of the settings' own, held for milliseconds: `add` may keep
the workspace's for hours, and a training that ends meanwhile still has to say which model it made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openautoglm.catalog.errors import CatalogError, writing_to
from openautoglm.catalog.lock import brief_lock

FILE = "workspace.json"
DRAFT = f"{FILE}.tmp"
"""What a killed writer may leave behind; the next one writes over it."""
LOCK = f"{FILE}.lock"
FORMAT = 2
"""1 knew no `_phash` and `_near`; the next `add` gives them to its rows."""


def read_settings(folder: Path) -> dict[str, Any]:
    """Read the workspace's settings.

    Raises:
        CatalogError: if the folder is no workspace, its file is damaged, or a later version wrote it.
    """
    path = folder / FILE
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise CatalogError(
                f"{folder} is no workspace, for it has no {FILE}; a workspace is a folder of its own: "
                f"`autoglm add NEW_FOLDER {folder}` makes one of what is there"
            ) from None
        raise CatalogError(
            f"there is no workspace at {folder}; `autoglm add {folder} PICTURES_OR_TABLE` makes one"
        ) from None
    except (ValueError, OSError) as error:
        raise CatalogError(f"{path} cannot be read ({error}); restore it from a copy") from error
    if not isinstance(settings, dict) or not isinstance(settings.get("format"), int):
        raise CatalogError(f"{path} is not a workspace's settings file; choose another folder")
    if settings["format"] > FORMAT:
        raise CatalogError(
            f"{path} has format {settings['format']}, this version reads up to {FORMAT}; update Open-AutoGLM"
        )
    return settings


def create_settings(folder: Path) -> None:
    """Make the folder a workspace, unless it is one."""
    with brief_lock(folder, LOCK):
        if not (folder / FILE).exists():
            _replace(folder, {"format": FORMAT, "fields": {}, "sources": {}})


def change_settings(folder: Path, changes: Mapping[str, Any]) -> None:
    """Write some keys; the others keep the values that they have by then, whoever wrote them."""
    with brief_lock(folder, LOCK):
        _replace(folder, read_settings(folder) | dict(changes))


def _replace(folder: Path, settings: dict[str, Any]) -> None:
    draft = folder / DRAFT
    with writing_to(folder):
        with draft.open("w", encoding="utf-8") as file:
            json.dump(settings, file, ensure_ascii=False, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / FILE)
