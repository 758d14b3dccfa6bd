"""The demo, from end to end, as a user runs it."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from p3m_anon.cli import cli
from p3m_anon.errors import UsageError
from p3m_anon.jobs.demo import OTHERS, PORTRAITS, run_demo

pytestmark = pytest.mark.skipif(
    not any(True for _ in metadata.distributions(name="p3m-anon")), reason="the trimaps are read from an installation"
)

FACES = {"astronaut": (190, 90, 250, 160), "grace_hopper": (195, 150, 330, 280)}  # x0, y0, x1, y1


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


@pytest.fixture(scope="module")
def result(out: Path) -> Result:
    return CliRunner().invoke(cli, ["demo", str(out)])


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_two_are_anonymized_and_two_wait(result: Result) -> None:
    assert result.exit_code == 0, result.output
    assert "2 anonymized: astronaut, grace_hopper" in result.output
    assert "2 waiting for review" in result.output


def test_nothing_else_is_in_the_release(result: Result, out: Path) -> None:
    assert {path.stem for path in (out / "release" / "blurred_image").iterdir()} == PORTRAITS
    assert {path.stem for path in (out / "photos").iterdir()} == PORTRAITS | OTHERS


@pytest.mark.parametrize("name", sorted(FACES))
def test_faces_are_opaque_and_blurred_and_the_rest_is_kept(result: Result, out: Path, name: str) -> None:
    x0, y0, x1, y1 = FACES[name]
    face = np.s_[y0:y1, x0:x1]
    alpha = pixels(out / "alphas" / f"{name}.png")
    assert alpha[face].min() == 255
    assert alpha[:10, :10].max() == 0
    (photo,) = (out / "photos").glob(f"{name}.*")
    before, after = pixels(photo), pixels(out / "release" / "blurred_image" / photo.name)
    assert np.abs(np.diff(after[face], axis=1)).mean() < 0.5 * np.abs(np.diff(before[face], axis=1)).mean()
    off = np.abs(after[:20] - before[:20]).mean()
    assert off == 0 if photo.suffix == ".png" else off < 1  # a JPEG that is coded again moves a little everywhere


def test_a_second_run_changes_nothing(result: Result, out: Path) -> None:
    before = {path: path.read_bytes() for path in (out / "release").rglob("*") if path.is_file()}
    again = CliRunner().invoke(cli, ["demo", str(out), "--json"])
    assert again.exit_code == 0
    assert json.loads(again.stdout)["released"] == sorted(PORTRAITS)
    assert {path: path.read_bytes() for path in (out / "release").rglob("*") if path.is_file()} == before


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        run_demo(tmp_path, lambda line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
