"""Which text tower a workspace may search with instead of the whole model, so that no query waits for torch.

    models/NAME/text_tower.json          of the workspace's own models, beside the weights
    cache/text-tower-HASH/               of a model that lies elsewhere, with its text side's weights

`index` sees to it that there is one, or says why there cannot be (`numpy_towers/text_tower.py`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from openautoglm.catalog.errors import explain
from openautoglm.numpy_towers import text_tower
from openautoglm.numpy_towers.text_tower import TextTower
from openautoglm.numpy_towers.weights import mark

if TYPE_CHECKING:
    from openautoglm.model import OpenAutoGLM


class TextTowers:
    """Those of one workspace.

    Args:
        workspace: its folder.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._kept: tuple[object, TextTower | None] | None = None

    def find(self, home: Path) -> TextTower | None:
        """The tower of the model in `home`, if it was described and the model is still the same."""
        folder, source = self._place(home)
        stamp = (
            folder,
            [
                file.stat().st_mtime_ns if file.is_file() else None
                for file in (folder / text_tower.FILE, home / text_tower.WEIGHTS)
            ],
        )
        if self._kept is None or self._kept[0] != stamp:
            self._kept = stamp, TextTower.load(folder, source)
        return self._kept[1]

    def describe(self, model: OpenAutoGLM, home: Path) -> str | None:
        """See that the tower of `model`, which lies in `home`, can be found; or tell why it cannot."""
        folder, source = self._place(home)
        known = text_tower.read(folder)
        if known and (known["fingerprint"], known["mark"]) == (model.fingerprint(), mark(home)):
            return known.get("why_not")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return text_tower.write(model, folder, source)
        except OSError as error:
            return f"{folder} cannot be written ({explain(str(error)) or error.strerror or error})"

    def _place(self, home: Path) -> tuple[Path, Path | None]:
        """Where the tower is described, and the model's folder where that is another."""
        if home.parent == self._workspace / "models":
            return home, None
        key = hashlib.blake2b(str(home.resolve()).encode(), digest_size=8).hexdigest()
        return self._workspace / "cache" / f"text-tower-{key}", home
