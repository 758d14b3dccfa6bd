"""`p3m-anon foreground` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from p3m_anon.commands.foreground import foreground


@pytest.fixture
def release(tmp_path: Path) -> Path:
    y, x = np.mgrid[:40, :50]
    alpha = np.clip(255 - np.hypot(y - 20, x - 25) * 12, 0, 255).astype(np.uint8)
    for folder, pixels in (("blurred_image", np.stack([x * 5, y * 6, x + y], -1).astype(np.uint8)), ("mask", alpha)):
        (tmp_path / "out" / folder).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "out" / folder / "a.png")
    return tmp_path / "out"


def run(*arguments: object):
    return CliRunner().invoke(foreground, [str(one) for one in arguments])


def test_it_says_what_it_made_how_well_and_where(release):
    result = run(release)
    assert result.exit_code == 0
    assert "1 picture: 1 made, 0 right already, 0 problems, layers of 0 removed" in result.stdout
    assert "reconstruction error: mean 0." in result.stdout
    assert "worst: blurred_image/a.png 0." in result.stdout
    assert f"record: {release}.private/layers.sqlite" in result.stdout
    assert (release / "fg/a.png").is_file()
    assert (release / "bg/a.jpg").is_file()


def test_problems_and_strangers_are_one_line_each(release):
    (release / "mask/a.png").unlink()
    (release / "fg").mkdir()
    Image.new("RGB", (3, 3)).save(release / "fg/o\nther.png")
    result = run(release)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "blurred_image/a.png: no alpha mask/a.png",
        "fg/o\\nther.png: not from this command; remove it if its picture was withdrawn",
    ]


def test_json_and_dry_run(release):
    result = run(release, "--dry-run", "--json", "--memory", "1.5G", "--workers", 7)
    summary = json.loads(result.stdout)
    assert (summary["to_do"], summary["workers"], summary["exit_code"]) == (1, 2, 0)
    assert sorted(p.name for p in release.iterdir()) == ["blurred_image", "mask"]
    assert "dry run: 1 picture, 1 to be made; nothing was written" in run(release, "--dry-run").stdout


@pytest.mark.parametrize("size", ["much", "0", "-1G", "8 X"])
def test_sizes_that_are_none_are_wrong_usage(release, size):
    result = run(release, "--memory", size)
    assert result.exit_code == 2
    assert "is not a valid size; write it like 8G" in result.stderr


def test_help_has_an_example_and_loads_nothing_heavy():
    code = "from p3m_anon.commands import foreground, trimap\n"
    code += "for c in (foreground.foreground, trimap.trimap): c.main(['--help'], standalone_mode=False)\n"
    code += "import sys\nassert not {'cv2', 'numba', 'numpy', 'pymatting', 'torch'} & set(sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "p3m-anon foreground release" in shown
    assert "p3m-anon trimap release" in shown
