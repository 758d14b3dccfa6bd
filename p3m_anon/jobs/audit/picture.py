"""One picture through `audit`: load, look, judge. Whatever goes wrong with a picture is a finding."""

from __future__ import annotations

import hashlib
import itertools
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from p3m_anon.dataset.integrity import file_discrepancies
from p3m_anon.detectors import shape_prior
from p3m_anon.detectors.second_look import LbpCascade
from p3m_anon.engines.local import Early
from p3m_anon.errors import ImageError
from p3m_anon.faces.audit import MASKED, FaceMeasures, Known, Sighting, Target, at_box, best, overlap, targets
from p3m_anon.faces.audit_findings import A_FACE, DOUBTFUL, face_findings
from p3m_anon.faces.detail import Detail, measure
from p3m_anon.faces.face import Face
from p3m_anon.faces.features import features_left, in_low_bits
from p3m_anon.faces.inverse_filter import NOISES, attacked
from p3m_anon.faces.outside import unchanged
from p3m_anon.faces.pairing import not_dismissed, same_face
from p3m_anon.faces.patch import Patch
from p3m_anon.faces.strength import effective_sigma
from p3m_anon.files.alphas import read_alpha
from p3m_anon.files.images import Decoded, read
from p3m_anon.files.metadata import extras
from p3m_anon.jobs.audit.eyes import CENTERFACE
from p3m_anon.jobs.audit.figures import figure_of
from p3m_anon.jobs.audit.identity import FaceEmbedding
from p3m_anon.jobs.audit.promises import FLAT_BOUNDS, alpha_findings, outside_check
from p3m_anon.jobs.audit.request import LOOK, SEVERITIES, AuditFinding
from p3m_anon.jobs.audit.result import Result
from p3m_anon.matting.transition import default_radius, transition
from p3m_anon.reports.audit_page import Crop, crop_strip

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box, Mask
    from p3m_anon.detectors.embedder import Embedder
    from p3m_anon.faces.face import View
    from p3m_anon.jobs.audit.items import Item
    from p3m_anon.jobs.audit.looks import AuditLooks

LBP = LbpCascade.name  # gives no scores
EQUAL = 0.9  # share of the source's detail from which a place is the source's own; JPEG coding leaves 0.95
MOST_FACES = 200  # attacked in one picture; a stadium must not stop the audit


@dataclass(eq=False)
class Open:
    """A picture on its way: decoded output, and source and mask where they are to be had."""

    item: Item
    result: Result
    output: Decoded
    source: Decoded | None
    mask: Mask | None
    sightings: list[Sighting] = field(default_factory=list)
    before: list[Sighting] = field(default_factory=list)
    faces: tuple[Face, ...] = ()
    apart: Patch | None = None


class AuditJob:
    """The three stages; used from several threads at once."""

    def __init__(self, looks: AuditLooks, embedder: Embedder | None, *, attack: bool) -> None:
        """attack: run the inverse filter."""
        self._looks, self._embedder, self._attack = looks, embedder, attack

    def load(self, item: Item) -> Open | Early[Result]:
        """Digests, metadata, decoding; source and mask."""
        result = Result(item.name)
        for one in item.said:
            result.say(one.severity, one.check, one.evidence, one.file)
        try:
            if not _file_checks(item.name, item.image, item.sha256, result):
                return Early(result)
            if item.alpha is not None and item.alpha_name is not None:
                _file_checks(item.alpha_name, item.alpha, item.alpha_sha256, result)
            output = read(item.image)
        except ImageError as error:
            result.say("leak", "files", f"cannot be read: {error}")
            return Early(result)
        except Exception as error:
            return Early(_failed(result, error))
        try:
            source = _source(item, output, result)
            mask = _mask(item, output, result)
            return Open(item, result, output, source, mask, apart=_apart(item, mask))
        except Exception as error:
            return Early(_failed(result, error))

    def look(self, batch: list[Open]) -> list[Open]:
        """Every look at the output, CenterFace on the source."""
        for one in batch:
            try:
                seen = self._looks.everything(one.output.rgb, one.item.used)
                one.sightings = seen.sightings
                one.result.checks += ["detectors", *(f"{LOOK}{title}" for title in seen.titles)]
                one.result.skipped += seen.lacking
                if one.source is not None:
                    one.faces = self._looks.faces(one.source.rgb)
                    one.before = self._looks.scored(one.source.rgb)
            except Exception as error:
                _failed(one.result, error)
        return batch

    def finish(self, seen: Open) -> Result:
        """Measure every place and judge; compare what must be equal."""
        try:
            boxes = [_box(known["box"]) for known in seen.item.faces]
            alpha_findings(seen.item, seen.source, seen.mask, boxes, seen.result)
            outside_check(seen.item, seen.source, seen.output, seen.mask, seen.result)
            self._faces(seen)
            if seen.item.fidelity is None and seen.source is not None and unchanged(seen.source.rgb, seen.output.rgb):
                seen.result.say("warning", "unchanged", "a copy of its source: nothing in it was masked")
        except Exception as error:
            _failed(seen.result, error)
        return seen.result

    def _faces(self, seen: Open) -> None:
        result, rgb = seen.result, seen.output.rgb
        known = [_known(one) for one in seen.item.faces]
        known += [Known(face, "source", face.score >= A_FACE) for face in seen.faces]
        strong = [s for s in seen.sightings if s.detector != LBP and s.score >= min(DOUBTFUL, s.sure)]
        found = targets((rgb.shape[0], rgb.shape[1]), known, strong, seen.mask)
        result.faces = len(found)
        result.checks.append("detail against the source" if seen.source else "detail without the source")
        embedding = None
        if self._embedder is not None and seen.source is not None:
            embedding = FaceEmbedding(self._embedder, seen.source.rgb, rgb, seen.mask)
        for number, target in enumerate(found):
            others = [one.box for one in found if one is not target]
            face, restored = self._measured(seen, target, others, attack=number < MOST_FACES)
            findings = face_findings(face, _excuse(seen.item, target))
            if embedding is not None:
                vectors = embedding.of(result.name, target, restored)
                result.embedded += [] if vectors is None else [vectors]
                result.not_embedded += vectors is None
            result.findings += [AuditFinding(f.severity, f.check, result.name, f.evidence, f.box) for f in findings]
            strip = crop_strip(seen.source.rgb if seen.source else None, rgb, restored, target.box)
            result.measured.append((figure_of(result.name, face), strip))
            if findings:
                worst = min(findings, key=lambda f: SEVERITIES.index(f.severity))
                result.crops.append(Crop(worst.severity, result.name, worst.evidence, strip))
        _lbp_alone(seen, found)

    def _measured(
        self, seen: Open, target: Target, others: list[Box], *, attack: bool
    ) -> tuple[FaceMeasures, RGB | None]:
        """Measures of one place, and the picture after the inverse filter where that was run."""
        rgb, before = seen.output.rgb, seen.source.rgb if seen.source else None
        here = [s for s in seen.sightings if same_face(s.box, target.box)]
        fired = {s.detector for s in here if s.score >= DOUBTFUL}
        restored, detail, score = None, None, None
        if attack and self._attack and seen.item.sigmas and (target.cover or 0.0) >= MASKED:
            restored, detail, score = self._inverted(seen, target)
            if "inverse filter" not in seen.result.checks:
                seen.result.checks.append("inverse filter")
        left = measure(rgb, before, target.measured, target.width)
        widths = [s.box[2] - s.box[0] for s in here if s.is_sure and target.origin == "release"]
        measures = FaceMeasures(
            box=target.box,
            width=max(target.width, *widths, 0.0),
            origin=target.origin,
            sure=target.sure,
            cover=target.cover,
            score_before=best(seen.before, target.box, others) if seen.source else None,
            score_after=best([s for s in seen.sightings if s.detector == CENTERFACE and not s.turns], target.box),
            sightings=tuple(s for s in here if s.detector != LBP),
            fired=tuple(sorted(fired)),
            detail=left,
            in_source=self._seen_in_source(seen, target, left),
            restored=detail,
            score_restored=score,
            **_features(seen, target),
            **_strength(seen, target),
        )
        return measures, restored

    def _seen_in_source(self, seen: Open, target: Target, detail: Detail) -> bool | None:
        """Asked where a look fires on hair or neck beside a mask: in the source it sees the masked face itself."""
        asked = target.origin == "release" and target.is_open and target.touches_mask
        if seen.source is None or not asked or (detail.kept or 0.0) < EQUAL:
            return None
        size = (seen.source.rgb.shape[0], seen.source.rgb.shape[1])
        boxes = self._looks.close_up(seen.source.rgb, target.box)
        return bool(boxes) and at_box(boxes[0], size, seen.mask).is_open

    def _inverted(self, seen: Open, target: Target) -> tuple[RGB, Detail, float]:
        """The most successful of the attacks that are tried."""
        assert target.hidden is not None
        rgb, before = seen.output.rgb, seen.source.rgb if seen.source else None
        tries = []
        for sigma, noise in itertools.product(seen.item.sigmas, NOISES):
            picture = attacked(rgb, target.hidden, sigma * target.width, target.width, noise)
            detail = measure(picture, before, target.measured, target.width)
            tries.append((picture, detail))
        if before is not None:  # likeness decides, so only the best try is looked at by the network
            tries = [max(tries, key=lambda attempt: attempt[1].likeness or 0.0)]
        scored = [(*attempt, self._looks.score_near(attempt[0], target.box)) for attempt in tries]
        return max(scored, key=lambda attempt: attempt[2])


def _features(seen: Open, target: Target) -> dict[str, Any]:
    """What is left of the features of a face whose landmarks are known, and what its low bits hold."""
    if seen.source is None or target.face is None:
        return {}
    before, after = seen.source.pixels, seen.output.pixels
    if before.shape != after.shape or before.dtype != after.dtype:
        before, after = seen.source.rgb, seen.output.rgb
    left = features_left(after, before, target.face, target.width, seen.apart)
    clear = (target.cover or 0.0) < MASKED  # a copy of the source has its low bits too
    bits = (0, 0.0) if clear else in_low_bits(after, before, target.face, target.width)
    return {"features": tuple(left), "low_bits": bits}


def _strength(seen: Open, target: Target) -> dict[str, Any]:
    """How strong the blur of a masked face is, beside what its settings ask for."""
    hidden = target.cover is None or target.cover >= MASKED
    if seen.source is None or target.origin == "release" or not hidden or not seen.item.sigmas:
        return {}
    asked = seen.item.sigmas[0] if len(seen.item.sigmas) == 1 else None
    found = effective_sigma(seen.output.rgb, seen.source.rgb, target.measured, target.width)
    return {"sigma": found, "asked_sigma": asked}


def _apart(item: Item, mask: Mask | None) -> Patch | None:
    """Pixels that stay clear on purpose: hair and soft edges of the released matte, outside the mask."""
    if item.alpha is None or mask is None or not item.alpha.is_file():
        return None
    try:
        alpha = read_alpha(item.alpha).pixels
    except ImageError:
        return None  # said where the matte is judged
    if alpha.shape != mask.shape:
        return None
    bounds = item.flat or FLAT_BOUNDS
    soft = transition(alpha, default_radius(mask.shape), lo=bounds["lo"], hi=bounds["hi"])
    return Patch(0, 0, soft & ~mask)


def _excuse(item: Item, target: Target) -> str | None:
    """Why a clear face at this place is no leak: a person has answered for this very place, or for the picture.

    What lies in the mask is never excused: it was to be blurred.
    """
    if (target.cover or 0.0) >= MASKED:
        return None
    if item.decided_by is None:
        return item.basis
    if not_dismissed([target.box], item.dismissed):
        return None
    return f"{item.basis or 'no face'}, decided by {item.decided_by or 'a person whom the ledger does not name'}"


def _file_checks(name: str, path: Path, sha256: str | None, result: Result) -> bool:
    """Digest and metadata of one file; False if it is not there."""
    data = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    digest = hashlib.sha256(data).hexdigest() if data is not None else None
    for one in file_discrepancies(name, sha256, digest):
        result.say(one.severity, one.check, one.evidence, one.file)
    if data is None:
        return False
    if sha256 is not None:
        result.checks.append("sha256")
    else:
        result.skipped.append("sha256: no row gives one")
    result.checks += ["metadata", "structure"]
    for extra in extras(data):
        result.say(extra.severity, extra.check, extra.what, name)
    return True


def _source(item: Item, output: Decoded, result: Result) -> Decoded | None:
    """The source, if it is there, unchanged, and of the output's size."""
    if item.source is None or not item.source.is_file():
        result.skipped.append("comparison with the source: not known or not there")
        return None
    try:
        source = read(item.source, icc=item.icc)
    except ImageError as error:
        result.skipped.append(f"comparison with the source: {error}")
        return None
    if item.source_sha256 is not None and source.sha256 != item.source_sha256:
        result.skipped.append("comparison with the source: it has changed since")
        return None
    if source.size != output.size:
        result.say("warning", "source", f"the source is {source.size[0]} x {source.size[1]}, the output is not")
        result.skipped.append("comparison with the source: sizes differ")
        return None
    return source


def _mask(item: Item, output: Decoded, result: Result) -> Mask | None:
    """The adjusted mask, bool (H, W), if it is known."""
    if item.mask is None or not item.mask.is_file():
        result.skipped.append("inverse filter, and checks inside and outside the mask: no mask is known")
        return None
    try:
        decoded = read(item.mask)
    except ImageError as error:
        result.skipped.append(f"checks inside and outside the mask: {error}")
        return None
    if item.mask_sha256 is not None and decoded.sha256 != item.mask_sha256:
        result.say("warning", "files", "its private face mask is not the one that was written")
    if decoded.size != output.size:
        result.say("warning", "mask", "the mask has another size than the picture")
        return None
    values = decoded.pixels if decoded.pixels.ndim == 2 else decoded.pixels[..., 0]
    return np.asarray(values > int(np.iinfo(values.dtype).max) // 2, np.bool_)


def _known(fact: dict[str, Any]) -> Known:
    """A face as the ledger keeps it; the second look gives a box and no landmarks."""
    box, landmarks = _box(fact["box"]), fact["landmarks"]
    points = shape_prior.mean_in_box(box) if landmarks is None else np.asarray(landmarks, np.float64)
    view: View = fact.get("view") or ("profile" if fact.get("decision") in ("ellipse", "profile") else "frontal")
    face = Face(points, box, float(fact["score"]), str(fact.get("detector")), view=view)
    return Known(face, "ledger", face.score >= fact["gate"])


def _box(values: object) -> Box:
    x0, y0, x1, y1 = np.asarray(values, np.float64).tolist()
    return x0, y0, x1, y1


def _lbp_alone(seen: Open, found: list[Target]) -> None:
    """The cascade fires on much that is no face, so alone it is worth a look and no more."""
    alone = {
        tuple(round(v) for v in s.box)
        for s in seen.sightings
        if s.detector == LBP and not s.turns and not any(overlap(s.box, one.box) >= 0.5 for one in found)
    }
    if alone:
        seen.result.say("note", "detector", f"only the {LBP} sees a face at {sorted(alone)[0]}; no network does")


def _failed(result: Result, error: Exception) -> Result:
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:200]
    place = f"{Path(where.filename).name}:{where.lineno}"
    result.say("leak", "audit", f"could not be audited: {type(error).__name__}: {text} ({place})")
    return result
