"""The identity table of one picture with one face: every way has its row."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from p3m_anon.faces.align import aligned, five_points
from p3m_anon.faces.face import Face
from tools import bench_identity


class Pixels:
    """An embedder of the aligned crop's own pixels, and of nothing else."""

    def __init__(self, file: object) -> None:
        self.file = SimpleNamespace(name="pixels", face_input=SimpleNamespace(same_person=0.9))

    def embed(self, rgb: np.ndarray, face: Face) -> np.ndarray:
        values = aligned(rgb, five_points(face.landmarks)).astype(np.float32).ravel() - 127.5
        return np.asarray(values / np.linalg.norm(values), np.float32)


def test_the_table_of_one_portrait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_identity, "find_embedder", lambda name, weights_dir: name)
    monkeypatch.setattr(bench_identity, "Embedder", Pixels)
    Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    result = CliRunner().invoke(bench_identity.main, [str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "pixels: 1 faces in 1 pictures" in result.output
    cells = [line.split(" | ") for line in result.output.splitlines() if line.startswith("| ")]
    medians = {row[0].strip("| "): float(row[1].split(",")[0]) for row in cells[1:]}
    assert set(medians) == set(bench_identity.WAYS)
    assert medians["untouched"] == 1
    assert medians["sigma 0.05 w"] > medians["p3m (0.3 w)"] > medians["full-face mask, painted grey"]


def test_a_folder_without_faces_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_identity, "find_embedder", lambda name, weights_dir: name)
    monkeypatch.setattr(bench_identity, "Embedder", Pixels)
    assert CliRunner().invoke(bench_identity.main, [str(tmp_path)]).exit_code == 1
