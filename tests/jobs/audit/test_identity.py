"""Faces that an embedder compares, and what they give away together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from p3m_anon.detectors import shape_prior
from p3m_anon.errors import UsageError
from p3m_anon.faces.audit import Known, targets
from p3m_anon.faces.face import Face
from p3m_anon.jobs.audit.identity import FaceEmbedding, FaceVectors, IdentityGallery, read_persons

BOX = (40.0, 40.0, 100.0, 120.0)


class Brightness:
    """An embedder that sees the mean colour of the face's box."""

    file = SimpleNamespace(name="brightness", sha256="0" * 64)

    def embed(self, rgb: np.ndarray, face: Face) -> np.ndarray:
        x0, y0, x1, y1 = (round(v) for v in face.box)
        mean = rgb[y0:y1, x0:x1].mean((0, 1))
        return np.asarray(mean / np.linalg.norm(mean), np.float32)


def embedding(mask: np.ndarray | None) -> FaceEmbedding:
    source, output = np.full((200, 200, 3), (200, 10, 10), np.uint8), np.full((200, 200, 3), (10, 200, 10), np.uint8)
    return FaceEmbedding(Brightness(), source, output, mask)  # type: ignore[arg-type]


def place(mask: np.ndarray | None, box: Any = BOX, view: Any = "frontal") -> Any:
    face = Face(shape_prior.mean_in_box(box), box, 0.9, "stub", view=view)
    return targets((200, 200), [Known(face, "ledger")], [], mask)[0]


def test_painted_faces_show_nothing_of_the_output() -> None:
    mask = np.zeros((200, 200), bool)
    mask[30:130, 30:110] = True
    found = embedding(mask).of("a", place(mask), None)
    assert found is not None
    assert found.restored is None
    assert found.painted is not None
    np.testing.assert_allclose(found.painted, 3**-0.5, atol=1e-6)
    assert found.clear.argmax() == 0
    assert found.blurred.argmax() == 1
    unmasked = embedding(None).of("a", place(None), None)
    assert unmasked is not None
    assert unmasked.painted is None


def test_faces_that_cannot_be_compared() -> None:
    mask = np.zeros((200, 200), bool)
    mask[:20] = True
    assert embedding(mask).of("a", place(mask), None) is None  # left clear
    assert embedding(None).of("a", place(None, view="unknown"), None) is None  # no landmarks
    assert embedding(None).of("a", place(None, box=(10.0, 10.0, 30.0, 36.0)), None) is None  # too narrow


def vectors(image: str, clear: np.ndarray, blurred: np.ndarray, box: Any = BOX) -> FaceVectors:
    return FaceVectors(image, box, clear, blurred, None, clear * 0 + np.float32(clear.size**-0.5))


@pytest.fixture
def faces() -> list[FaceVectors]:
    """Ten people of two pictures each; blurred faces keep the person, as hair does."""
    generator = np.random.default_rng(2)
    found = []
    for number in range(20):
        centre = np.random.default_rng(number // 2).standard_normal(16)
        pair = (centre + 0.3 * generator.standard_normal((2, 16))).astype(np.float32)
        clear, blurred = pair / np.linalg.norm(pair, axis=1, keepdims=True)
        found.append(vectors(f"blurred_image/{number}.png", clear, blurred))
    return found


def figures(gallery: IdentityGallery, faces: list[FaceVectors]) -> Any:
    for face in faces:
        gallery.add([face], 1)
    return gallery.figures(Brightness(), 0.7)  # type: ignore[arg-type]


def test_persons_come_from_a_file_or_from_links(faces: list[FaceVectors], tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("image,person\n" + "".join(f"{number},p{number // 2}\n" for number in range(20)))
    named, linked = figures(IdentityGallery(file), faces), figures(IdentityGallery(), faces)
    assert (named.persons_from, linked.persons_from) == ("file", "links")
    assert named.persons == linked.persons == 10
    assert named.linkage == linked.linkage
    assert (named.faces, named.left_out) == (20, 20)
    assert set(named.originals) == {"blurred", "painted"}
    found = named.linkage["blurred to blurred"].rank1
    assert found.value > 0.8
    assert found.chance == pytest.approx(1 / 19)
    assert named.linkage["painted to painted"].rank1.value == pytest.approx(1 / 19)  # all painted faces are alike
    assert figures(IdentityGallery(), faces) == linked  # seeded


def test_widest_face_of_a_picture_is_the_named_one(faces: list[FaceVectors], tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("image,person\n0,p\n2,p\n9.png,q\nnobody,r\n")
    gallery = IdentityGallery(tmp_path / "people.csv")
    small = faces[5]._replace(image=faces[0].image, box=(0.0, 0.0, 10.0, 10.0))
    gallery.add([small, faces[0]], 0)
    found = figures(gallery, [faces[2], faces[9]])
    assert found.persons == 3  # p, the small face, q
    assert gallery.unknown() == 1


def test_no_faces_no_figures() -> None:
    assert figures(IdentityGallery(), []) is None


@pytest.mark.parametrize("text", ["picture,who\na,b\n", "\xff\xfe"])
def test_a_persons_file_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="--persons"):
        read_persons(tmp_path / "people.csv")
