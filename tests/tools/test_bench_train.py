"""The baseline of the loader's benchmark does what the published loader does, and so does recipe official."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.training.batch import DEVIATION, MEAN
from p3m_anon.training.draws import draw
from p3m_anon.training.reading import read_sample
from p3m_anon.training.settings import SampleSettings

TOOL = Path(__file__).parents[2] / "tools" / "bench_train.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("bench_train", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    for name in ("image", "alpha", "layers"):
        (folder / name).mkdir()
    y, x = np.mgrid[:560, :600]
    alpha = np.clip((190 - np.hypot(y - 270, x - 300)) * 30 + 128, 0, 255).astype(np.uint8)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (560, 600, 3), dtype=np.uint8)).save(
        folder / "image/a.jpg"
    )
    Image.fromarray(alpha).save(folder / "alpha/a.png")
    return tool.with_layers(folder / "image", folder / "alpha", folder / "layers")


def test_recipe_official_gives_the_published_samples(tool, rows):
    """Crops on the transition; for the others the published code spends its random numbers differently."""
    how = SampleSettings(size=128, crops=(128, 192, 256), kernels=(5, 9), recipe="official", composition=True)
    compared = 0
    for index in range(40):
        one = draw(0, 0, index, how)
        if not one.on_transition:
            continue
        theirs = [part.numpy() for part in tool.published_sample(rows[0], one, how)]
        theirs[0] = (theirs[0] * np.reshape(DEVIATION, (3, 1, 1)) + np.reshape(MEAN, (3, 1, 1))) * 255
        image, alpha, trimap, foreground, background = read_sample(rows[0], one, how)
        for ours, part in zip((image, alpha, foreground, background, trimap), theirs, strict=True):
            difference = np.abs(np.atleast_3d(ours).transpose(2, 0, 1) - part)
            assert difference.max() < 1.001  # a mirrored crop is rounded differently
            assert difference.mean() < 0.1
        compared += 1
    assert compared > 10


def test_it_prints_every_way(tool, rows, capsys):
    tool.one_core(rows, samples=1, rounds=1)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0].partition("  ")[0] == "published way, four files"
    assert len(lines) == 6
    assert all(line.endswith(" times") for line in lines)
