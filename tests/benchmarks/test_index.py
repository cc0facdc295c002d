"""The index benchmark's small form: each form is built and asked, and the figures are those of the goals."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import figures, index

pytest.importorskip("faiss")
pytest.importorskip("usearch")


def test_the_small_form_finds_what_numpy_finds_and_writes_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RUNS", tmp_path)
    monkeypatch.setattr(index, "RUNS", tmp_path)
    monkeypatch.setattr(index, "QUICK_SIZES", (1500,))
    drawn = np.random.default_rng(0).normal(size=(2, 300, index.DIM)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    monkeypatch.setattr(index, "real_vectors", lambda: (drawn[0], drawn[1]))
    monkeypatch.setattr(sys, "argv", ["index", "--quick"])
    index.main()
    content = json.loads((tmp_path / "results" / "index.json").read_text())
    wanted = {"recall10_1m", "recall10_text", "p50_ratio_1m", "memory_ratio_1m", "build_ratio_1m"}
    assert wanted <= content["figures"].keys()
    rows = {row["form"]: row for row in content["rows"]}
    assert rows.keys() == set(index.FORMS)
    assert rows["numpy"]["recall10_picture"] == 1.0
    assert rows["ours"]["effort"].startswith("image vectors: 1,500 rows")
    assert rows["ours"]["recall10_picture"] >= 0.9
