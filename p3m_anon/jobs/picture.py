"""One picture through `blur`: load, look, finish. Each stage ends in a ledger row, never in an exception."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon import __version__
from p3m_anon.dataset.duplicates import perceptual_hash
from p3m_anon.detectors.looks import Sight
from p3m_anon.engines.local import Early
from p3m_anon.errors import ImageError, Stopped, UnsupportedImage
from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.masks import FaceMask, face_masks, manual_masks
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.faces.verdict import findings, manual_findings, no_face_findings
from p3m_anon.files.alphas import alpha_findings, orient_alpha, read_alpha
from p3m_anon.files.images import read
from p3m_anon.files.landmarks import faces_from_file
from p3m_anon.files.ledger import Row, Source
from p3m_anon.files.manual_masks import read_manual_mask
from p3m_anon.jobs.outputs import Outputs, Picture
from p3m_anon.jobs.picture_facts import all_details, face_facts, picture_facts

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels
    from p3m_anon.detectors.looks import Looks
    from p3m_anon.faces.face import Face
    from p3m_anon.files.images import Decoded
    from p3m_anon.files.manual_masks import ManualMask
    from p3m_anon.jobs.request import BlurRequest


@dataclass(frozen=True)
class Task:
    """A ledger row with the files that belong to it: role (image, alpha, manual_mask, landmarks) -> path.

    problem: what speaks against the picture before it was opened.
    """

    row: Row
    files: dict[str, Path]
    problem: Finding | None = None


@dataclass(eq=False)
class Loaded:
    """A decoded picture on its way, with everything read beside it."""

    task: Task
    decoded: Decoded
    sources: tuple[Source, ...]
    digest: str
    alpha: AlphaPixels | None = None
    alpha_problem: Finding | None = None
    manual: ManualMask | None = None
    landmarks: tuple[Face, ...] | None = None
    sight: Sight | None = None
    error: str | None = None
    timings: dict[str, float] = field(default_factory=dict)


class PictureJob:
    """The three stages, with what all pictures of a run share. Used from several threads at once."""

    def __init__(self, request: BlurRequest, looks: Looks, outputs: Outputs) -> None:
        """`looks` and `outputs` are shared by all pictures."""
        self.request, self.looks, self.outputs = request, looks, outputs
        second = looks.second
        self.versions = {
            "p3m_anon": __version__,
            "detector": looks.first.name,
            "model_sha256": looks.first.model_sha256,
            "second": second.name if second else "none",
            "second_sha256": second.model_sha256 if second else "",
        }
        shared = [request.settings.digest(), request.format, request.alpha_policy, request.figures]
        self._shared = json.dumps([*shared, request.publish_facemask, self.versions], sort_keys=True)

    def digest(self, row_id: str, path: str, sources: tuple[Source, ...]) -> str:
        """What a result depends on; a row with this digest need not be made again."""
        contents = sorted((s.role, s.sha256) for s in sources)
        parts = [self._shared, row_id, contents, self.cleared(row_id, path)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def cleared(self, row_id: str, path: str) -> bool:
        """A person has put this picture on the no-face list, by id, path or file name."""
        return bool(self.request.no_face & {row_id, path, path.rsplit("/", 1)[-1]})

    def is_done(self, task: Task) -> bool:
        """The row was made from these very files, with these settings, and its outputs are there.

        Looks at sizes and times only, as no file is opened.
        """
        row = task.row
        if row.status in ("excluded", "withdrawn"):
            return True
        if row.status not in ("accepted", "needs_review") or row.digest is None:
            return False
        known = {s.role: s for s in row.sources}
        if known.keys() != task.files.keys():
            return False
        for role, path in task.files.items():
            stat = path.stat() if path.exists() else None
            source = known[role]
            if not stat or (str(path), stat.st_size, stat.st_mtime_ns) != (source.file, source.size, source.mtime_ns):
                return False
        return self._still_there(row, row.sources)

    def load(self, task: Task) -> Loaded | Early[Row]:
        """Read and decode the picture and everything beside it."""
        timings: dict[str, float] = {}
        sources: tuple[Source, ...] = ()
        try:
            with _timed(timings, "decode"):
                image = task.files["image"]
                sources = (_stat(image, "image"),)
                decoded = read(image)
                sources = (replace(sources[0], sha256=decoded.sha256), *_others(task))
            digest = self.digest(task.row.id, task.row.path, sources)
            if digest == task.row.digest and self._still_there(task.row, sources):
                return Early(replace(task.row, sources=sources))  # touched, but the same content
            loaded = Loaded(task, decoded, sources, digest, timings=timings)
            with _timed(timings, "decode"):
                self._load_companions(loaded)
            return loaded
        except Exception as error:
            return Early(self._failed(task, sources, error))

    def look(self, batch: list[Loaded]) -> list[Loaded]:
        """Detect in several pictures; one that breaks the detector fails alone."""
        start = time.thread_time()
        try:
            sights = self.looks.see([one.decoded.rgb for one in batch])
            spent = (time.thread_time() - start) * 1000 / len(batch)
            for one, sight in zip(batch, sights, strict=True):
                one.sight = sight if one.landmarks is None else replace(sight, faces=one.landmarks, turns=0)
                one.timings["look"] = spent
        except Exception as error:
            if len(batch) == 1:
                batch[0].error = _unexpected(error)
            else:
                return [self.look([one])[0] for one in batch]
        return batch

    def finish(self, loaded: Loaded) -> Row:
        """Mask, judge, blur, write; the ledger row of the result."""
        task = loaded.task
        try:
            if loaded.sight is None:
                return self._failed(task, loaded.sources, ImageError(f"{task.row.path}: {loaded.error}"))
            with _timed(loaded.timings, "mask"):
                picture = self._picture(loaded, loaded.sight)
            with _timed(loaded.timings, "hash"):
                phash = perceptual_hash(loaded.decoded.rgb)
            return self._released(loaded, picture, phash)
        except Exception as error:
            return self._failed(task, loaded.sources, error)

    def _load_companions(self, loaded: Loaded) -> None:
        files, decoded = loaded.task.files, loaded.decoded
        if "alpha" in files:
            try:
                loaded.alpha = read_alpha(files["alpha"]).pixels
            except ImageError as error:
                loaded.alpha_problem = Finding(Reason.ALPHA_MISMATCH, str(error))
        if "manual_mask" in files:
            loaded.manual = read_manual_mask(files["manual_mask"], decoded.size, decoded.stored_size)
        if self.looks.first.name == "landmark-files":
            loaded.landmarks = faces_from_file(files["landmarks"]) if "landmarks" in files else ()

    def _picture(self, loaded: Loaded, sight: Sight) -> Picture:
        """Masks and verdict of a picture whose faces are known."""
        settings, decoded = self.request.settings, loaded.decoded
        size = (decoded.pixels.shape[0], decoded.pixels.shape[1])
        found = [f for f in (loaded.task.problem, loaded.alpha_problem) if f]
        alpha = loaded.alpha
        notes: tuple[str, ...] = ()
        if alpha is not None:
            boxes = [face.box for face in sight.faces]
            stored = decoded.stored_size
            alpha = orient_alpha(alpha, decoded.size, stored, decoded.orientation, boxes)
            if alpha is None:
                found.append(Finding(Reason.ALPHA_MISMATCH, _mismatch(loaded.alpha, size)))
            else:
                notes = alpha_findings(alpha)
        faces = face_masks(size, sight.faces, alpha, settings)
        masks: tuple[FaceMask, ...] = faces
        if loaded.manual is not None:
            masks = manual_masks(loaded.manual.mask, alpha, settings, as_drawn=loaded.manual.as_drawn)
            found += manual_findings(size, masks, sight.faces, sight.second, settings)
        elif self.cleared(loaded.task.row.id, loaded.task.row.path):
            found += no_face_findings(sight.faces, sight.second)
        else:
            found += findings(size, faces, sight.second, alpha, settings)
        return Picture(decoded, alpha, sight, faces, masks, loaded.manual is not None, tuple(found), notes)

    def _released(self, loaded: Loaded, picture: Picture, phash: str) -> Row:
        task, timings = loaded.task, loaded.timings
        row = Row(task.row.path, task.row.id, digest=loaded.digest, sources=loaded.sources, phash=phash)
        facts = picture_facts(picture, self.looks.first.name, self.request.settings)
        row = replace(row, faces=face_facts(picture), facts=facts, versions=self.versions)
        if picture.findings:
            worst = picture.findings[0]
            row = replace(row, status="needs_review", reason=worst.reason.value, detail=all_details(picture))
            outputs = self.outputs.withhold(task.row, picture, timings)
            return replace(row, outputs=outputs, timings=timings)
        with _timed(timings, "blur"):
            pixels = anonymize(picture.decoded.pixels, picture.masks, self.request.settings)
        outputs, fidelity = self.outputs.release(task.row, picture, pixels, timings)
        facts = {**facts, "fidelity": fidelity}
        detail = "; ".join(picture.notes) or None
        return replace(row, status="accepted", detail=detail, facts=facts, outputs=outputs, timings=timings)

    def _failed(self, task: Task, sources: tuple[Source, ...], error: Exception) -> Row:
        """A row that names what is wrong; the picture's older release goes at once."""
        if isinstance(error, Stopped):
            raise error
        self.outputs.remove(task.row)
        status = "unsupported" if isinstance(error, UnsupportedImage) else "failed"
        detail = str(error) if isinstance(error, ImageError) else _unexpected(error)
        row = Row(task.row.path, task.row.id, status=status, detail=detail, sources=sources)
        return replace(row, versions=self.versions)

    def _still_there(self, row: Row, sources: tuple[Source, ...]) -> bool:
        if row.digest != self.digest(row.id, row.path, sources):
            return False
        return self.outputs.store.present(row.outputs, rehash=self.request.rehash)


def _mismatch(alpha: AlphaPixels | None, size: tuple[int, int]) -> str:
    assert alpha is not None
    height, width = alpha.shape
    return f"the alpha is {width}x{height}, the picture {size[1]}x{size[0]}; make them the same size and orientation"


def _stat(path: Path, role: str, sha256: str = "") -> Source:
    stat = path.stat()
    return Source(role, str(path), stat.st_size, stat.st_mtime_ns, sha256)


def _others(task: Task) -> tuple[Source, ...]:
    """Alpha, manual mask and landmarks with their hashes; the files are small."""
    return tuple(
        _stat(path, role, hashlib.sha256(path.read_bytes()).hexdigest())
        for role, path in sorted(task.files.items())
        if role != "image"
    )


def _unexpected(error: Exception) -> str:
    """One line for an error that we did not foresee, with the place in the code where it happened."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:200]
    return f"unexpected {type(error).__name__}: {text} ({Path(where.filename).name}:{where.lineno}); please report it"


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Add this thread's CPU time, in ms, to a stage."""
    start = time.thread_time()
    try:
        yield
    finally:
        timings[name] = timings.get(name, 0.0) + (time.thread_time() - start) * 1000
