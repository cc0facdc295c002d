"""What is cheap stays cheap: no heavy library is imported before something needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "lance", "matplotlib")
HELP = """
import sys
sys.argv = ["autoglm", "--help"]
from openautoglm.cli.app import main
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("code", ["import openautoglm", HELP], ids=["import", "help"])
def test_nothing_heavy_is_imported(code: str) -> None:
    ask = f"{code}\nimport sys\nprint('heavy:', [name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
