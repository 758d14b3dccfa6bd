"""One picture through `blur`: load, look, finish. Each stage ends in a ledger row, never in an exception."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.dataset.duplicates import perceptual_hash
from p3m_anon.engines.local import Early
from p3m_anon.errors import ImageError, Stopped
from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.audit_findings import LEAST_FACE
from p3m_anon.faces.features import clear_features, features_left
from p3m_anon.faces.judge import Ruling, judge, ranked
from p3m_anon.faces.matte import flattened, matte_findings
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.files.alphas import MOSTLY_GREY, alpha_findings, orient_alpha, read_alpha
from p3m_anon.files.images import read
from p3m_anon.files.landmarks import faces_from_file
from p3m_anon.files.ledger_rows import Row, Source
from p3m_anon.files.manual_masks import ManualMask, read_manual_mask
from p3m_anon.files.tombstones import Tombstones
from p3m_anon.jobs.blur.facts import all_details, face_facts, mismatch, picture_facts
from p3m_anon.jobs.blur.outputs import Outputs, Picture
from p3m_anon.jobs.blur.tasks import Run, Task

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Pixels
    from p3m_anon.detectors.looks import Looks
    from p3m_anon.faces.face import Face
    from p3m_anon.faces.sight import Sight
    from p3m_anon.files.decisions import Decision
    from p3m_anon.files.images import Decoded


@dataclass(eq=False)
class Loaded:
    """A decoded picture on its way, with everything read beside it."""

    task: Task
    decoded: Decoded
    sources: tuple[Source, ...]
    alpha: AlphaPixels | None = None
    alpha_problem: Finding | None = None
    manual: ManualMask | None = None
    landmarks: tuple[Face, ...] | None = None
    faces: tuple[Face, ...] | None = None
    error: str | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def held(self) -> Decision | None:
        """The decision about this picture, if it was made about these very bytes."""
        decision = self.task.decision
        if decision is None or not decision.is_binding or decision.image_sha256 != self.decoded.sha256:
            return None
        return decision

    @property
    def has_lapsed(self) -> bool:
        """A person decided about other bytes, and nobody about these; skipping or taking back does not settle that."""
        decision = self.task.decision
        if decision is None or self.held is not None:
            return False
        return decision.is_binding or decision.unsettled != self.decoded.sha256


class PictureJob:
    """The three stages, with what all pictures of a run share. May be used from several threads at once."""

    def __init__(self, run: Run, looks: Looks) -> None:
        """`looks` are shared by all pictures."""
        self.run, self.looks = run, looks
        self.outputs = Outputs(run.store, run.request)
        self._tombstones = Tombstones(run.store.private)

    def __call__(self, task: Task) -> Row:
        """All three stages, one after the other."""
        loaded = self.load(task)
        return loaded.result if isinstance(loaded, Early) else self.finish(self.look([loaded])[0])

    def load(self, task: Task) -> Loaded | Early[Row]:
        """Read and decode the picture and everything beside it."""
        timings: dict[str, float] = {}
        sources: tuple[Source, ...] = ()
        try:
            with _timed(timings, "decode"):
                image = task.files["image"]
                sources = (_stat(image, "image"),)
                if (excluded := self._excluded(task, sources[0])) is not None:
                    return Early(excluded)
                decoded = read(image, max_pixels=self.run.request.max_pixels, icc=self.run.request.icc)
                sources = (replace(sources[0], sha256=decoded.sha256),)
                if self._tombstones.holds(decoded.sha256):
                    return Early(self._withdrawn(task))
                loaded = Loaded(task, decoded, sources, timings=timings)
                if loaded.held is not None and loaded.held.verdict == "exclude":  # it changed while it was hashed
                    raise ImageError(f"{image.name}: it changed while it was read; run again")
                self._load_companions(loaded)
            sources = loaded.sources
            if self.run.is_current(task, sources):
                return Early(replace(task.row, sources=sources))  # touched, but the same content
            return loaded
        except Exception as error:
            return Early(self._failed(task, sources, error))

    def look(self, batch: list[Loaded]) -> list[Loaded]:
        """The first detector on several pictures; one that breaks it fails alone."""
        start = time.thread_time()
        try:
            found = self.looks.first.detect_batch([one.decoded.rgb for one in batch])
            spent = (time.thread_time() - start) * 1000 / len(batch)
            for one, faces in zip(batch, found, strict=True):
                one.faces = faces
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
            if loaded.faces is None:
                return self.run.failed(task, ImageError(f"{task.row.path}: {loaded.error}"), loaded.sources)
            with _timed(loaded.timings, "look"):
                sight = self.looks.complete(loaded.decoded.rgb, loaded.faces)
                if loaded.landmarks is not None:
                    sight = replace(sight, faces=loaded.landmarks, turns=0)
            with _timed(loaded.timings, "hash"):
                phash = perceptual_hash(loaded.decoded.rgb)
            with _timed(loaded.timings, "mask"):
                picture = self._picture(loaded, sight, phash)
            return self._released(loaded, picture, phash)
        except Exception as error:
            return self._failed(task, loaded.sources, error)

    def _excluded(self, task: Task, source: Source) -> Row | None:
        """The row of a picture that a person has left out: it is not even decoded."""
        decision = task.decision
        if decision is None or decision.verdict != "exclude":
            return None
        source = replace(source, sha256=_hash(task.files["image"]))
        if source.sha256 != decision.image_sha256:
            return None
        self.outputs.remove(task.row)
        row = Row(task.row.path, task.row.id, status="excluded", sources=(source,), versions=self.run.plan.versions)
        return replace(row, digest=self.run.digest(task, row.sources), decision=decision.version)

    def _withdrawn(self, task: Task) -> Row:
        """The row of a picture that was withdrawn, under this name or another; nothing more is kept of it."""
        self.outputs.remove(task.row)
        return Row(
            task.row.path, task.row.id, status="withdrawn", detail="it was withdrawn", versions=self.run.plan.versions
        )

    def _load_companions(self, loaded: Loaded) -> None:
        """Alpha, manual mask and landmarks; what is hashed is what is used. A decision's mask takes a file's place."""
        files, decoded = loaded.task.files, loaded.decoded
        decision = loaded.held
        if loaded.task.spare:
            raise ImageError(f"{loaded.task.row.path}: several files for its {loaded.task.spare[0]}; leave one")
        for role, path in sorted(files.items()):
            if role == "image":
                continue
            before = _stat(path, role)
            try:
                if role == "alpha":
                    alpha = read_alpha(path)
                    loaded.alpha, before = alpha.pixels, replace(before, sha256=alpha.sha256)
                elif role == "manual_mask":
                    loaded.manual = read_manual_mask(path, decoded.size, decoded.stored_size)
                else:
                    loaded.landmarks = faces_from_file(path)
            except ImageError as error:
                if role != "alpha":
                    raise
                loaded.alpha_problem = Finding(Reason.ALPHA_MISMATCH, str(error))
            if not before.sha256:
                before = replace(before, sha256=_hash(path))
                if _stat(path, role, before.sha256) != before:
                    raise ImageError(f"{path.name}: it changed while it was read; run again")
            loaded.sources += (before,)
        if self.looks.first.name == "landmark-files" and loaded.landmarks is None:
            loaded.landmarks = ()
        if decision is not None:
            loaded.manual = None
            if decision.mask is not None:
                loaded.manual = ManualMask(decision.read_mask(self.run.store.private, decoded.size), decision.as_drawn)

    def _picture(self, loaded: Loaded, sight: Sight, phash: str) -> Picture:
        """Masks and verdict of a picture whose faces are known."""
        settings, decoded = self.run.request.settings, loaded.decoded
        size = (decoded.pixels.shape[0], decoded.pixels.shape[1])
        found = [f for f in (loaded.task.problem, loaded.alpha_problem) if f]
        if loaded.held is None and (bits := self._tombstones.resembles(phash)) is not None:
            found.append(Finding(Reason.WITHDRAWN_BEFORE, f"{bits} of 64 bits from a picture that was withdrawn"))
        alpha = loaded.alpha
        notes = decoded.notes
        if alpha is not None:
            boxes = [face.box for face in sight.faces]
            stored = decoded.stored_size
            alpha = orient_alpha(alpha, decoded.size, stored, decoded.orientation, boxes)
            if alpha is None:
                found.append(Finding(Reason.ALPHA_MISMATCH, mismatch(loaded.alpha, size)))
            else:
                odd = alpha_findings(alpha)
                notes += tuple(f"alpha: {one}" for one in odd)
                if MOSTLY_GREY in odd:  # a grey photo in the place of a matte would be published as one
                    found.append(Finding(Reason.ALPHA_MISMATCH, f"the alpha is {MOSTLY_GREY}"))
        decision = loaded.held
        if loaded.has_lapsed and loaded.task.decision is not None:
            found.append(Finding(Reason.DECISION_LAPSED, f"{loaded.task.decision.who} decided about an older file"))
        if decision is not None and "manual_mask" in loaded.task.files:
            notes += (f"the mask file is not used: {decision.who} decided in the review",)
        judged = judge(
            size,
            sight,
            alpha,
            settings,
            drawn=loaded.manual,
            decision=_ruling(decision, loaded),
            cleared=self.run.cleared(loaded.task.row),
        )
        flat = None
        if alpha is not None:
            found += matte_findings(alpha, decoded.rgb, judged.masks, settings)
            flat = flattened(alpha, judged.masks, settings)
        findings = ranked([*found, *judged.findings])
        return Picture(decoded, flat, sight, judged, loaded.manual is not None, findings, notes, decision)

    def _released(self, loaded: Loaded, picture: Picture, phash: str) -> Row:
        task, timings = loaded.task, loaded.timings
        row = Row(task.row.path, task.row.id, sources=loaded.sources, phash=phash)
        row = replace(row, digest=self.run.digest(task, loaded.sources))
        row = replace(row, decision=task.decision_version)
        facts = picture_facts(picture, self.looks.first.name, self.run.request.settings)
        row = replace(row, faces=face_facts(picture), facts=facts, versions=self.run.plan.versions)
        pixels = None
        if not picture.findings:
            with _timed(timings, "blur"):
                pixels = anonymize(picture.decoded.pixels, picture.masks, self.run.request.settings)
                picture = replace(picture, findings=_left_clear(picture, pixels))
        if pixels is None or picture.findings:
            worst = picture.findings[0]
            row = replace(row, status="needs_review", reason=worst.reason.value, detail=all_details(picture))
            outputs = self.outputs.withhold(task.row, picture, timings)
            return replace(row, outputs=outputs, timings=timings)
        outputs, encoded = self.outputs.release(task.row, picture, pixels, timings)
        facts = {**facts, **encoded}
        detail = all_details(picture) or None
        return replace(row, status="accepted", detail=detail, facts=facts, outputs=outputs, timings=timings)

    def _failed(self, task: Task, sources: tuple[Source, ...], error: Exception) -> Row:
        """One line for any error; only what concerns the whole run goes on."""
        if isinstance(error, Stopped):
            raise error
        if not isinstance(error, ImageError):
            error = ImageError(f"{task.row.path}: {_unexpected(error)}")
        return self.run.failed(task, error, sources)


def _left_clear(picture: Picture, pixels: Pixels) -> tuple[Finding, ...]:
    """What the audit would call a leak of a face that was masked automatically; pixels: after the blur.

    Where a person decided, what was left clear was said to that person.
    """
    if picture.manual or picture.decision is not None:
        return ()
    shown = []
    for mask in picture.masks:
        if mask.face is None or mask.width < LEAST_FACE:
            continue
        apart = mask.mask.replaced(mask.mask.mask & ~mask.adjusted.within(mask.mask))
        left = features_left(pixels, picture.decoded.pixels, mask.face, mask.width, apart)
        shown += clear_features(left)[0]
    return tuple(Finding(Reason.FEATURE_LEFT_CLEAR, words) for words in shown)


def _ruling(decision: Decision | None, loaded: Loaded) -> Ruling | None:
    """What a decision says of faces. Its author was told what the transition region takes with this very alpha only."""
    if decision is None or decision.verdict not in ("mask", "no_face", "normal"):
        return None
    alpha = next((one.sha256 for one in loaded.sources if one.role == "alpha"), None)
    knows_loss = decision.accepts_loss and decision.alpha_sha256 == alpha
    return Ruling(decision.verdict, decision.dismissed, knows_loss)


def _stat(path: Path, role: str, sha256: str = "") -> Source:
    stat = path.stat()
    return Source(role, str(path), stat.st_size, stat.st_mtime_ns, sha256)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unexpected(error: Exception) -> str:
    """One line for an error that we did not foresee, with the place in the code where it happened."""
    if isinstance(error, MemoryError):
        return "there was not enough memory for it"
    if isinstance(error, OSError):
        return f"cannot be read or written ({error.strerror or error})"
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
