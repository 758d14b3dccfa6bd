"""Landmark files of the user: .pts, .npy and .json, to zero-based iBUG-68 points."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from p3m_anon.arrays import check_landmarks
from p3m_anon.errors import ImageError
from p3m_anon.faces.face import Face

if TYPE_CHECKING:
    from p3m_anon.arrays import Landmarks

ENDINGS = (".pts", ".npy", ".json")
_MOST_BYTES = 16 << 20
_MOST_FACES = 10_000
_PTS = re.compile(r"version:\s*1\s+n_points:\s*(\d+)\s*\{([^{}]*)\}\s*")


def read_landmarks(path: Path) -> list[Landmarks]:
    """All faces of a landmark file, float64 (68, 2) each, x then y, integer coordinates at pixel centres.

    `.pts` is iBUG's form: one face, and pixels counted from ONE, so 1 is taken off. `.npy` holds (68, 2) or (N, 68, 2),
    `.json` one face `[[x, y], ...]`, a list of faces, or `{"faces": [{"landmarks": [[x, y], ...]}, ...]}`; both count
    from zero, and an empty list says that there is no face. Raises ImageError for everything else.
    """
    readers = {".pts": _pts, ".npy": _npy, ".json": _json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ImageError(f"{path.name}: landmarks are read from .pts, .npy and .json files only; convert it")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ImageError(f"{path.name}: far too large for landmarks; check the file")
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name}: cannot be read; check the file and its rights") from error
    try:
        faces = reader(data)
        return [check_landmarks(face) for face in faces]
    except Exception as error:  # numpy's reader of .npy alone raises nearly anything for a damaged file
        raise ImageError(
            f"{path.name}: not 68 landmarks a face ({_brief(error)}); see the help on landmarks"
        ) from error


def faces_from_file(path: Path) -> tuple[Face, ...]:
    """The faces of `read_landmarks`, certain (score 1), each boxed by its own landmarks."""
    return tuple(_face(points) for points in read_landmarks(path))


def _face(points: Landmarks) -> Face:
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return Face(points, (float(x0), float(y0), float(x1), float(y1)), 1.0, "landmark-files")


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or ["malformed"])[0][:100]


def _pts(data: bytes) -> list[npt.NDArray[np.float64]]:
    found = _PTS.fullmatch(data.decode("utf-8-sig").strip())
    if found is None:
        raise ValueError("expected `version: 1`, `n_points: 68` and points in braces")
    numbers = [float(word) for word in found[2].split()]
    if int(found[1]) != 68 or len(numbers) != 136:
        raise ValueError(f"n_points is {found[1]}, numbers are {len(numbers)}; expected 68 and 136")
    return [np.asarray(numbers, dtype=np.float64).reshape(68, 2) - 1.0]


def _npy(data: bytes) -> list[npt.NDArray[np.float64]]:
    """The header is checked against the file's length first: numpy would reserve whatever a header asks for."""
    stream = BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(
        version
    )
    if read_header is None:
        raise ValueError(f"npy version {version}")
    shape, _, dtype = read_header(stream)
    if dtype.kind not in "fiu" or len(shape) not in (2, 3) or shape[-2:] != (68, 2):
        raise ValueError(f"expected numbers of shape (68, 2) or (N, 68, 2), got {dtype} {shape}")
    count = shape[0] if len(shape) == 3 else 1
    if count > _MOST_FACES or len(data) - stream.tell() != count * 136 * dtype.itemsize:
        raise ValueError("its length does not match its header")
    stream.seek(0)
    array = np.load(stream, allow_pickle=False).astype(np.float64)
    return list(array.reshape(-1, 68, 2))


def _json(data: bytes) -> list[npt.NDArray[np.float64]]:
    content: Any = json.loads(data)
    if isinstance(content, dict):
        content = [face["landmarks"] for face in content["faces"]]
    if not isinstance(content, list):
        raise ValueError("expected a list of points or of faces, or an object with `faces`")
    if len(content) == 68 and all(_is_point(item) for item in content):
        content = [content]
    faces = []
    for face in content[:_MOST_FACES]:
        if not isinstance(face, list) or len(face) != 68 or not all(_is_point(item) for item in face):
            raise ValueError("expected 68 pairs of numbers")
        faces.append(np.asarray(face, dtype=np.float64))
    return faces


def _is_point(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(type(value) in (int, float) for value in item)
