"""Landmark files: three forms, one meaning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from p3m_anon.errors import ImageError
from p3m_anon.files.landmarks import faces_from_file, read_landmarks

POINTS = np.arange(136, dtype=np.float64).reshape(68, 2) + 0.25


def pts(points: np.ndarray, count: int = 68) -> str:
    rows = "\n".join(f"{float(x)!r} {float(y)!r}" for x, y in points)
    return f"version: 1\nn_points:  {count}\n{{\n{rows}\n}}\n"


@given(points=hnp.arrays(np.float64, (68, 2), elements=st.floats(-1e4, 1e4)))
@settings(max_examples=30, deadline=None)
def test_all_forms_agree(tmp_path_factory: pytest.TempPathFactory, points: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("landmarks")
    (folder / "a.pts").write_text(pts(points + 1))  # .pts counts from one
    np.save(folder / "a.npy", points)
    np.save(folder / "many.npy", points[None])
    (folder / "a.json").write_text(json.dumps(points.tolist()))
    (folder / "list.json").write_text(json.dumps([points.tolist()]))
    (folder / "faces.json").write_text(json.dumps({"faces": [{"landmarks": points.tolist()}]}))
    for path in folder.iterdir():
        (face,) = read_landmarks(path)
        assert face.dtype == np.float64
        np.testing.assert_allclose(face, points, atol=1e-9, err_msg=path.name)


def test_several_faces_and_none(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([POINTS, POINTS + 5]).astype(np.float32))
    assert len(read_landmarks(tmp_path / "a.npy")) == 2
    for number, content in enumerate(([], {"faces": []})):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(content))
        assert read_landmarks(path) == []
    second = faces_from_file(tmp_path / "a.npy")[1]
    assert second.box == (5.25, 6.25, 139.25, 140.25)
    assert second.score == 1.0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pts", ""),
        ("a.pts", "version: 1\nn_points: 68\n{"),
        ("a.pts", pts(POINTS[:60])),
        ("a.pts", pts(POINTS, 67)),
        ("a.pts", pts(POINTS).replace("0.25", "nan")),
        ("a.pts", pts(POINTS).replace("0.25", "zero")),
        ("a.json", "{"),
        ("a.json", "7"),
        ("a.json", "{}"),
        ("a.json", '{"faces": [{}]}'),
        ("a.json", json.dumps(POINTS[:67].tolist())),
        ("a.json", json.dumps([[True, 1]] * 68)),
        ("a.json", json.dumps([[1e9, 1]] * 68)),
        ("a.json", "[" * 100_000),
        ("a.npy", "no numpy file"),
        ("a.txt", "1 2"),
    ],
)
def test_everything_else_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ImageError, match=name) as error:
        read_landmarks(tmp_path / name)
    assert "\n" not in str(error.value)


def test_hostile_npy(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for array in (
        np.zeros((5, 2)),
        np.zeros((68, 2), np.complex64),
        np.array([{}], dtype=object),
        np.zeros((68, 2, 2)),
    ):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(ImageError, match=r"a\.npy"):
            read_landmarks(path)
    np.save(path, np.zeros((1, 68, 2)))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"(1, 68, 2), }      ", b"(9999999, 68, 2), }"[:19].ljust(19)))
    with pytest.raises(ImageError, match=r"a\.npy"):
        read_landmarks(path)
    with pytest.raises(ImageError, match="cannot be read"):
        read_landmarks(tmp_path / "none.npy")
