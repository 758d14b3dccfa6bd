"""What is written of a picture: into the release folder only when it is accepted, else only privately."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import cv2

from p3m_anon.faces.patch import union
from p3m_anon.faces.reasons import Finding
from p3m_anon.files.alphas import encode_alpha
from p3m_anon.files.ledger_rows import Output, Row
from p3m_anon.files.manual_masks import encode_mask
from p3m_anon.files.masked import encode_masked
from p3m_anon.reports.panels import figure_panels
from p3m_anon.reports.thumbnails import before_after

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, AlphaPixels, Pixels
    from p3m_anon.faces.judge import Judged
    from p3m_anon.faces.masks import FaceMask
    from p3m_anon.faces.matte import FlatMatte
    from p3m_anon.faces.sight import Sight
    from p3m_anon.files.decisions import Decision
    from p3m_anon.files.images import Decoded
    from p3m_anon.files.release import Release
    from p3m_anon.jobs.blur.request import BlurRequest

ReleaseStatus = Literal["anonymized", "anonymized_manual", "anonymized_suggested", "no_face", "normal"]
MOST_THUMBNAILS = 500  # of either kind, as the report shows no more; a million pictures need no more


@dataclass(frozen=True, eq=False)
class Picture:
    """A judged picture.

    matte: oriented like the picture, and flat inside the masks. judged: masks, and what the looks say against releasing
    it. manual: the masks come from a person. findings: all that speaks against it, empty if it may leave. notes: odd
    but harmless. decision: what a person said of this very file.
    """

    decoded: Decoded
    matte: FlatMatte | None
    sight: Sight
    judged: Judged
    manual: bool
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    decision: Decision | None = None

    @property
    def alpha(self) -> AlphaPixels | None:
        """The matte as it is written."""
        return None if self.matte is None else self.matte.pixels

    @property
    def faces(self) -> tuple[FaceMask, ...]:
        """The automatic masks."""
        return self.judged.faces

    @property
    def masks(self) -> tuple[FaceMask, ...]:
        """What is blurred: the automatic masks, unless a person decided."""
        return self.judged.masks

    @property
    def status(self) -> ReleaseStatus:
        """What the manifest calls it, once it may leave."""
        if self.decision is not None and self.decision.verdict == "normal":
            return "normal"
        if self.manual and self.decision is not None and self.decision.suggested:
            return "anonymized_suggested"
        return "anonymized_manual" if self.manual else "anonymized" if self.masks else "no_face"


class Outputs:
    """Writes and removes the files of pictures; used from several threads."""

    def __init__(self, store: Release, request: BlurRequest) -> None:
        """`store` knows the folders, `request` the formats."""
        self.store, self._request = store, request
        self._thumbnails = {True: 0, False: 0}  # pictures that wait, pictures that were released

    def release(
        self, row: Row, picture: Picture, pixels: Pixels, timings: dict[str, float]
    ) -> tuple[tuple[Output, ...], dict[str, object]]:
        """Write image, alpha and face mask of an accepted picture; its outputs, and the facts of how it was encoded.

        Files that an earlier run made under the same id, and that are not replaced, are removed.
        """
        name, clock = row.id, _Clock(timings)
        mask = union([m.adjusted for m in picture.masks], pixels.shape[:2])
        made = encode_masked(picture.decoded, pixels, mask, self._request.format, self._request.jpeg)
        clock("encode")
        folder = "original_image" if picture.status == "normal" else "blurred_image"
        files = {"image": (f"{folder}/{name}{made.extension}", made.data)}
        if picture.alpha is not None:
            files["alpha"] = (f"mask/{name}.png", encode_alpha(picture.alpha))
            clock("encode alpha")
        facemask = encode_mask(mask)
        files["facemask"] = (f"facemask/{name}.png", facemask)
        if self._request.publish_facemask:
            files["public_facemask"] = (f"facemask/{name}.png", facemask)
        clock("encode face mask")
        outputs = [self.store.write(role, *file) for role, file in files.items()]
        clock("write")
        outputs += self._private(row, picture, pixels)
        clock("private pictures")
        self.store.clear(name, row.outputs, keep=outputs)
        clock("write")
        facts: dict[str, object] = {"fidelity": made.fidelity, "icc": self._request.icc}
        if made.note:
            facts["jpeg"] = made.note
        return tuple(outputs), facts

    def withhold(self, row: Row, picture: Picture, timings: dict[str, float]) -> tuple[Output, ...]:
        """A picture that waits for a person: no trace in the release folder."""
        clock = _Clock(timings)
        self.store.clear(row.id, row.outputs)  # first: whatever happens next, it is not in the release
        outputs = self._private(row, picture, None)
        clock("private pictures")
        return tuple(outputs)

    def remove(self, row: Row) -> None:
        """A picture that failed: no trace at all."""
        self.store.clear(row.id, row.outputs)

    def _private(self, row: Row, picture: Picture, pixels: Pixels | None) -> list[Output]:
        """Thumbnail for the report and, if asked for, the panels of Figure 3."""
        outputs = []
        rgb = picture.decoded.rgb
        after = None if pixels is None else replace(picture.decoded, pixels=pixels).rgb
        if self._thumbnails[pixels is None] < MOST_THUMBNAILS:
            self._thumbnails[pixels is None] += 1
            sheet = before_after(rgb, after, picture.faces, picture.masks, picture.sight.second_boxes)
            outputs.append(self.store.write("thumbnail", f"thumbnails/{row.id}.jpg", _jpeg(sheet)))
        if self._request.figures:
            panels = figure_panels(rgb, after, picture.faces, picture.masks, picture.alpha, self._request.settings)
            outputs.append(self.store.write("figure", f"figures/{row.id}.jpg", _jpeg(panels, 92)))
        return outputs


class _Clock:
    """Adds this thread's CPU time since the last call, in ms, to a stage."""

    def __init__(self, timings: dict[str, float]) -> None:
        self._timings, self._last = timings, time.thread_time()

    def __call__(self, stage: str) -> None:
        now = time.thread_time()
        self._timings[stage] = self._timings.get(stage, 0.0) + (now - self._last) * 1000
        self._last = now


def _jpeg(rgb: RGB, quality: int = 80) -> bytes:
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError("the thumbnail could not be encoded")
    return data.tobytes()
