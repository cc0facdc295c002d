"""The models of a workspace: which there are, which one is meant, and each loaded at most once.

A model is named by its folder's name under `models/`, by any folder elsewhere, or by a hub id; without a name
the default one is meant. A query of words alone is encoded by a text tower in numpy where the model has one
(see `search/text_towers.py`), so that a search in a new process need not load torch.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from openautoglm.catalog.catalog import Catalog
from openautoglm.config import ConfigError
from openautoglm.errors import UserError
from openautoglm.search.named import Named

if TYPE_CHECKING:
    from openautoglm.evaluate.encoding import Encoder
    from openautoglm.model import OpenAutoGLM
    from openautoglm.search.query import Query
    from openautoglm.search.text_towers import TextTowers

MODEL = "model"
"""Key of `workspace.json`: the model that is used when none is named."""


ANY = "`autoglm fit {0}` trains one, `autoglm index {0} --model DIR` takes a CLIP or SigLIP folder as it is"
"""How to come to a model, in the workspace of this name."""


class WorkspaceError(UserError):
    """A model or an argument that does not fit this workspace."""


class WorkspaceModels:
    """What finds and loads the models of the workspace that `catalog` lies in."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.folder = catalog.folder
        self._loaded: dict[tuple[Path | str, int | None], OpenAutoGLM] = {}
        self._named: Named | None = None

    @property
    def names(self) -> list[str]:
        """Names of the finished ones under `models/`."""
        return sorted(file.parent.name for file in self.folder.glob("models/*/config.json"))

    @property
    def default(self) -> str | None:
        """The one that is used when none is named."""
        return self.catalog.settings.get(MODEL)

    @default.setter
    def default(self, name: str | Path) -> None:
        elsewhere = self.own(name) is None and Path(name).expanduser().is_dir()
        # A folder elsewhere must be found again from any working directory.
        chosen = Path(name).expanduser().resolve() if elsewhere else name
        self.catalog.update_settings(**{MODEL: str(chosen)})

    def load(self, name: str | Path | None = None, teach: str = ANY) -> OpenAutoGLM:
        """The model of this name, the default one without a name.

        Args:
            name: of a model here, a folder elsewhere, or a hub id.
            teach: how to come to one where there is none yet, with `{0}` or `{}` for the workspace's name.

        Raises:
            WorkspaceError: if there is none yet, or the default one is gone.
        """
        from openautoglm.model import OpenAutoGLM

        chosen = name or self.default
        if chosen is None:
            raise WorkspaceError(f"{self.folder} has no model yet; {teach.format(self.folder.name)}")
        home = self.home(chosen)
        if name is None and str(home) == chosen and "/" not in chosen and not Path(chosen).is_dir():
            raise WorkspaceError(
                f"the model {chosen!r}, which searches {self.folder}, is no longer in its models/; restore "
                f"it from a copy, or make another by `autoglm fit {self.folder.name}` or "
                f"`autoglm index {self.folder.name} --model DIR`"
            )
        stamp = (home, _written(Path(home) / "model.safetensors"))
        if stamp not in self._loaded:
            try:
                self._loaded = {stamp: OpenAutoGLM.from_pretrained(home)}
            except ConfigError as error:
                if Path(home).is_dir():  # there is one, and it is wrong
                    raise
                names = ", ".join(self.names) or "none"
                raise WorkspaceError(f"{error}; models of this workspace: {names}") from None
        return self._loaded[stamp]

    def resolve(self, model: OpenAutoGLM | str | Path | None, teach: str = ANY) -> OpenAutoGLM:
        """A model as such, or the one that is named; `teach` as of `load`."""
        return self.load(model, teach) if model is None or isinstance(model, str | Path) else model

    def encoder(self, query: Query) -> Encoder:
        """What encodes the query: the default model, or its text tower alone where that is enough."""
        home = None if query.images or query.columns or self._loaded else self._folder(None)
        tower = self._text_towers.find(home) if home else None
        if tower is not None:
            return tower
        model = self.load()
        if self._named is None or not self._named.stands_for(model):
            self._named = Named(model)
        return self._named

    def why_not_alone(self, name: OpenAutoGLM | str | Path | None, model: OpenAutoGLM) -> str | None:
        """Why no text tower alone can encode a query for `model`, which `name` names; None if one can."""
        home = self._folder(name)
        return self._text_towers.describe(model, home) if home else None

    def home(self, name: str | Path) -> Path | str:
        """The folder of one of the workspace's models; any other folder or hub id as it is."""
        return self.own(name) or name

    def own(self, model: OpenAutoGLM | str | Path | None) -> Path | None:
        """The folder of a model that lies in this workspace, the default one without a name."""
        name = self.default if model is None else model
        if not isinstance(name, str | Path):
            return None
        own = self.folder / "models" / Path(name).name
        here = str(name) == own.name or Path(name).expanduser().resolve() == own.resolve()
        return own if here and (own / "config.json").exists() else None

    @cached_property
    def _text_towers(self) -> TextTowers:
        from openautoglm.search.text_towers import TextTowers

        return TextTowers(self.folder)

    def _folder(self, model: OpenAutoGLM | str | Path | None) -> Path | None:
        """The folder that a named model lies in, here or elsewhere; None for a hub id and a model as such."""
        name = self.default if model is None else model
        if not isinstance(name, str | Path):
            return None
        home = self.own(name) or Path(name).expanduser()
        return home if home.is_dir() else None


def _written(file: Path) -> int | None:
    """When a file was last written; None where there is none."""
    return file.stat().st_mtime_ns if file.is_file() else None
