"""Who can be told apart: embeddings of every face as it was, as it is, after attacks, and with its mask painted grey.

Painting the mask grey shows what hair, forehead and outline alone give away; what a blurred face adds is in the blur.
Faces are aligned by the landmarks of their originals, as by an attacker who knows where the features lie.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from p3m_anon.errors import UsageError
from p3m_anon.faces.audit import MASKED
from p3m_anon.faces.audit_findings import identity_findings
from p3m_anon.faces.linkage import Faces, Linkage, ToOriginal, linkage, persons_by_links, to_original
from p3m_anon.jobs.audit.request import AuditFinding

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Box, Mask
    from p3m_anon.detectors.embedder import Embedder
    from p3m_anon.faces.audit import Target

    Vector = npt.NDArray[np.float32]

GALLERY = 2000  # faces of which embeddings are kept and compared with each other
NARROWEST = 24.0  # px; of narrower faces an embedder sees no more than a few blocks
GREY = 127
SEED = 14
SCENES = (("clear", "clear"), ("blurred", "clear"), ("restored", "clear"), ("painted", "clear"))
WITHIN = (("blurred", "blurred"), ("painted", "painted"))


@dataclass(frozen=True)
class IdentityFigures:
    """What an embedder can tell about a release.

    embedder, sha256, same_person: its name, digest and threshold. pictures, faces: compared; left_out: faces that were
    too narrow, had no landmarks, were left clear, or came after the first GALLERY. persons: how many, as a file says
    (`persons_from`: "file") or by the embedder's own links of clear faces ("links"; "clear to clear" is then high by
    construction). originals: "blurred", "restored" (inverse filter), "painted" (the same mask, grey) -> similarity to
    the originals. linkage: "clear to clear", "blurred to clear", ... -> how well other pictures of a person are found.
    Absent: there were no such faces.
    """

    embedder: str
    sha256: str
    same_person: float
    pictures: int
    faces: int
    left_out: int
    persons: int
    persons_from: str
    originals: dict[str, ToOriginal]
    linkage: dict[str, Linkage]


class FaceVectors(NamedTuple):
    """Embeddings of one face; restored and painted are None where no attack was run or no mask is known."""

    image: str
    box: Box
    clear: Vector
    blurred: Vector
    restored: Vector | None
    painted: Vector | None


class FaceEmbedding:
    """Embeds the faces of one picture: source and output, uint8 RGB of one size, and the mask, bool, if it is known."""

    def __init__(self, embedder: Embedder, source: RGB, output: RGB, mask: Mask | None) -> None:
        """The mask is painted once, for all faces."""
        self._embedder, self._source, self._output = embedder, source, output
        self._painted = None if mask is None else np.where(mask[..., None], np.uint8(GREY), output)

    def of(self, image: str, target: Target, restored: RGB | None) -> FaceVectors | None:
        """The embeddings of one place; None where it has no landmarks, is too narrow, or was left clear."""
        face = target.face
        if face is None or face.view == "unknown" or target.width < NARROWEST:
            return None
        if target.cover is not None and target.cover < MASKED:
            return None
        pictures = (self._source, self._output, restored, self._painted)
        clear, blurred, *rest = (None if p is None else self._embedder.embed(p, face) for p in pictures)
        assert clear is not None
        assert blurred is not None
        return FaceVectors(image, target.box, clear, blurred, *rest)


class IdentityGallery:
    """Collects faces, up to GALLERY, and says what they give away together."""

    def __init__(self, persons: Path | None = None) -> None:
        """persons: CSV with the columns image and person. Raises UsageError for one that cannot be read."""
        self._persons = None if persons is None else read_persons(persons)
        self._faces: list[FaceVectors] = []
        self._left_out = 0

    def add(self, faces: list[FaceVectors], left_out: int) -> None:
        """The faces of one picture."""
        room = max(GALLERY - len(self._faces), 0)
        faces = sorted(faces, key=lambda face: face.box[0] - face.box[2])  # the main one first
        self._faces += faces[:room]
        self._left_out += left_out + len(faces[room:])

    @property
    def pictures(self) -> int:
        """How many pictures have a face in the gallery."""
        return len({face.image for face in self._faces})

    def findings(self, same_person: float) -> list[AuditFinding]:
        """Faces that the embedder takes for their originals."""
        found = []
        for face in self._faces:
            similarity = float(face.clear @ face.blurred)
            painted = None if face.painted is None else float(face.clear @ face.painted)
            for one in identity_findings(face.box, similarity, painted, same_person):
                found.append(AuditFinding(one.severity, one.check, face.image, one.evidence, one.box))
        return found

    def figures(self, embedder: Embedder, same_person: float) -> IdentityFigures | None:
        """All rates; None for no faces."""
        if not self._faces:
            return None
        number = {image: row for row, image in enumerate(dict.fromkeys(face.image for face in self._faces))}
        pictures = np.array([number[face.image] for face in self._faces], np.int64)
        clear = Faces(np.stack([face.clear for face in self._faces]), np.zeros_like(pictures), pictures)
        persons = persons_by_links(clear, same_person) if self._persons is None else self._named()
        scenes = {"clear": clear._replace(persons=persons)}
        rows: dict[str, npt.NDArray[np.int64]] = {}
        for scene in ("blurred", "restored", "painted"):
            vectors = [getattr(face, scene) for face in self._faces]
            rows[scene] = np.flatnonzero([vector is not None for vector in vectors])
            if len(rows[scene]):
                own = rows[scene]
                scenes[scene] = Faces(np.stack([vectors[row] for row in own]), persons[own], pictures[own])
        chance = np.random.default_rng(SEED)
        originals = {
            scene: to_original(scenes[scene], rows[scene], scenes["clear"], same_person, chance)
            for scene in rows
            if scene in scenes
        }
        linked = {
            f"{probes} to {gallery}": linkage(scenes[probes], scenes[gallery], chance)
            for probes, gallery in (*SCENES, *WITHIN)
            if probes in scenes
        }
        return IdentityFigures(
            embedder=embedder.file.name,
            sha256=embedder.file.sha256,
            same_person=same_person,
            pictures=self.pictures,
            faces=len(self._faces),
            left_out=self._left_out,
            persons=len(np.unique(persons)),
            persons_from="links" if self._persons is None else "file",
            originals={scene: figure for scene, figure in originals.items() if figure is not None},
            linkage=linked,
        )

    def unknown(self) -> int:
        """How many lines of the persons file are of no picture in the gallery."""
        images = {key for face in self._faces for key in _keys(face.image)}
        return sum(image not in images for image in self._persons or ())

    def _named(self) -> npt.NDArray[np.int64]:
        """The file's person for the widest face of a picture; every other face is a person of its own."""
        numbers: dict[str, int] = {}
        seen: set[str] = set()
        labels = []
        for row, face in enumerate(self._faces):
            name = next((self._persons[key] for key in _keys(face.image) if key in (self._persons or {})), None)  # type: ignore[index]
            if name is None or face.image in seen:
                labels.append(row)
            else:
                labels.append(numbers.setdefault(name, row))
            seen.add(face.image)
        return np.array(labels, np.int64)


def read_persons(path: Path) -> dict[str, str]:
    """Picture -> person, from a CSV in UTF-8 with the columns image and person. Raises UsageError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if missing := {"image", "person"} - set(reader.fieldnames or ()):
                raise UsageError(f"--persons {path}: lacks the column {', '.join(sorted(missing))}")
            return {line["image"].strip(): (line["person"] or "").strip() for line in reader if line["image"]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"--persons {path}: cannot be read as CSV in UTF-8 ({error})") from error


def _keys(image: str) -> tuple[str, ...]:
    """What a picture may be called in the persons file: its file, or its path below the first folder (no suffix)."""
    path = PurePosixPath(image)
    inner = PurePosixPath(*path.parts[1:]) if len(path.parts) > 1 else path
    return image, inner.as_posix(), inner.with_suffix("").as_posix()
