"""Open-AutoGLM: teach one model your catalogue; search it, ask it, ship it.

Names are imported when first used, so that `import openautoglm` costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from openautoglm.version import __version__

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.config import ConfigError, ModelConfig, TrainConfig, load_preset
    from openautoglm.model import OpenAutoGLM
    from openautoglm.workspace import Workspace

_HOME = {
    "Catalog": "openautoglm.catalog.catalog",
    "ConfigError": "openautoglm.config",
    "ModelConfig": "openautoglm.config",
    "OpenAutoGLM": "openautoglm.model",
    "TrainConfig": "openautoglm.config",
    "Workspace": "openautoglm.workspace",
    "load_preset": "openautoglm.config",
}

__all__ = [
    "Catalog",
    "ConfigError",
    "ModelConfig",
    "OpenAutoGLM",
    "TrainConfig",
    "Workspace",
    "__version__",
    "load_preset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'openautoglm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
