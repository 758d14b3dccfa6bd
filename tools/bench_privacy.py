"""How much privacy do the blur profiles give? The attack table of docs/privacy.md, measured over a folder of portraits.

    python tools/bench_privacy.py PORTRAITS

Each face is masked as `blur --no-alpha` would, then replaced in one of several ways, written as PNG or as JPEG of
quality 95 and attacked as `audit` does: a detector on the output, an inverse filter with the known kernel, a detector
on that. Faces of at least --smallest pixels that CenterFace is sure of and sees from the front are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import cv2
import numpy as np

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.errors import ImageError
from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.audit import Known, Target, targets
from p3m_anon.faces.audit_findings import HALF_RESTORED, RESTORED
from p3m_anon.faces.blur import blurred
from p3m_anon.faces.detail import measure
from p3m_anon.faces.inverse_filter import NOISES, attacked
from p3m_anon.faces.masks import TRACED, FaceMask, face_masks
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.patch import union
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.folders import find_pictures
from p3m_anon.files.images import read
from p3m_anon.jobs.audit.looks import AuditLooks

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

    Way = Callable[[RGB, Sequence[FaceMask]], RGB]

FIRES = 0.2  # CenterFace's score, as in the measurements that the profiles were chosen by
ASSUMED = 0.3  # sigma in face widths that the attacker assumes where nothing was blurred


def gaussian(sigma: float) -> Way:
    """Blur each mask with sigma in face widths, also weaker than `blur` allows."""

    def way(rgb: RGB, masks: Sequence[FaceMask]) -> RGB:
        out = rgb.copy()
        for mask in masks:
            soft = blurred(rgb, mask.adjusted, sigma * mask.width, "exact")
            np.copyto(out[mask.adjusted.slices], soft, where=mask.adjusted.mask[..., None])
        return out

    return way


def profile(settings: BlurSettings) -> Way:
    """What `blur` writes."""
    return lambda rgb, masks: np.asarray(anonymize(rgb, masks, settings), np.uint8)


def pixelated(blocks: int) -> Way:
    """Mean colour of squares, `blocks` to a face width."""

    def way(rgb: RGB, masks: Sequence[FaceMask]) -> RGB:
        out = rgb.copy()
        for mask in masks:
            near = rgb[mask.adjusted.slices]
            side = max(1.0, mask.width / blocks)
            size = max(1, round(near.shape[1] / side)), max(1, round(near.shape[0] / side))
            small = cv2.resize(near, size, interpolation=cv2.INTER_AREA)
            large = cv2.resize(small, (near.shape[1], near.shape[0]), interpolation=cv2.INTER_NEAREST)
            np.copyto(out[mask.adjusted.slices], large, where=mask.adjusted.mask[..., None])
        return out

    return way


def solid(rgb: RGB, masks: Sequence[FaceMask]) -> RGB:
    """Black."""
    out = rgb.copy()
    out[union([mask.adjusted for mask in masks], rgb.shape[:2])] = 0
    return out


WAYS: dict[str, tuple[Way, float]] = {
    "untouched": (lambda rgb, masks: rgb, ASSUMED),
    "sigma 0.05 w": (gaussian(0.05), 0.05),
    "sigma 0.1 w": (gaussian(0.1), 0.1),
    "sigma 0.15 w": (gaussian(0.15), 0.15),
    "sigma 0.2 w": (profile(BlurSettings(sigma=0.2)), 0.2),
    "p3m (0.3 w)": (profile(BlurSettings()), 0.3),
    "sigma 0.5 w": (profile(BlurSettings(sigma=0.5)), 0.5),
    "strict": (profile(BlurSettings(blur_profile="strict")), ASSUMED),
    "pixelated w / 8": (pixelated(8), ASSUMED),
    "solid fill": (solid, ASSUMED),
}
"""Name -> what is written, and the strength that the inverse filter takes it for."""


class Outcome(NamedTuple):
    """One face after one way: scores before and after the inverse filter, what is kept and how like the source."""

    score: float
    restored_score: float
    kept: float
    likeness: float


class Bench:
    """The detectors and the numbers that come together."""

    def __init__(self, smallest: int) -> None:
        self._detector, self._looks, self._smallest = CenterFace(), AuditLooks(quick=True), smallest
        self.outcomes: dict[tuple[str, str], list[Outcome]] = {}

    def picture(self, rgb: RGB) -> int:
        """Attack every way of writing one picture; how many faces were counted."""
        seen = [face for face in self._detector.detect(rgb) if face.score >= 0.5 and face.view in TRACED]
        size = (rgb.shape[0], rgb.shape[1])
        sure = tuple(Seen(face, (face.box,), "both", sure=True) for face in seen)
        masks = [mask for mask in face_masks(size, sure, None, BlurSettings()) if mask.adjusted.area]
        strict = face_masks(size, sure, None, BlurSettings(blur_profile="strict"))
        drawn = union([mask.adjusted for mask in masks], size)
        places = [t for t in targets(size, [Known(f, "source") for f in seen], [], drawn) if t.width >= self._smallest]
        places = [t for t in places if t.face is not None]
        for name, (way, sigma) in WAYS.items():
            out = way(rgb, strict if name == "strict" else masks)
            for kind, written in (("PNG", out), ("JPEG", _jpeg(out))):
                rows = self.outcomes.setdefault((name, kind), [])
                rows += [self._outcome(rgb, written, place, sigma) for place in places]
        return len(places)

    def _outcome(self, rgb: RGB, written: RGB, place: Target, sigma: float) -> Outcome:
        assert place.hidden is not None
        detail = measure(written, rgb, place.zone, place.width)
        tries = []
        for noise in NOISES:
            restored = attacked(written, place.hidden, sigma * place.width, place.width, noise)
            found = measure(restored, rgb, place.zone, place.width)
            tries.append((found.likeness or 0.0, self._looks.score_near(restored, place.box)))
        likeness, score = max(tries)
        before = self._looks.score_near(written, place.box)
        return Outcome(before, score, detail.kept or 0.0, likeness)


def _jpeg(rgb: RGB) -> RGB:
    data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


def table(outcomes: dict[tuple[str, str], list[Outcome]]) -> list[str]:
    """The lines of a Markdown table; PNG / JPEG in each cell."""
    titles = [f"detector > {FIRES:g}", "the same, inverse-filtered", "detail kept", "likeness, inverse-filtered"]
    titles += [f"likeness > {HALF_RESTORED:g}", f"likeness > {RESTORED:g}"]
    lines = ["| written | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for name in WAYS:
        cells = []
        for number in range(len(titles)):
            cells.append(" / ".join(_cells(outcomes[name, kind])[number] for kind in ("PNG", "JPEG")))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _cells(rows: list[Outcome]) -> list[str]:
    """Shares and medians over the faces."""
    score, restored, kept, likeness = (np.array(column) for column in zip(*rows, strict=True))
    shares = (score > FIRES, restored > FIRES)
    return [
        *(f"{share.mean():.2f}" for share in shares),
        f"{np.median(kept):.2f}",
        f"{np.median(likeness):.2f}",
        f"{(likeness > HALF_RESTORED).mean():.2f}",
        f"{(likeness > RESTORED).mean():.2f}",
    ]


@click.command()
@click.argument("portraits", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--smallest", default=40, show_default=True, help="Face width in pixels from which faces are counted.")
def main(portraits: Path, smallest: int) -> None:
    """Print the attack table for the faces of a folder of clear portraits."""
    cv2.setNumThreads(1)
    bench = Bench(smallest)
    faces = pictures = 0
    for path in find_pictures(portraits):
        try:
            found = bench.picture(read(path).rgb)
        except ImageError as error:
            click.echo(f"left out: {error}", err=True)
            continue
        faces, pictures = faces + found, pictures + bool(found)
    if not faces:
        raise click.ClickException(f"no faces in {portraits}")
    click.echo(f"{faces} faces in {pictures} pictures; PNG / JPEG of quality 95\n")
    click.echo("\n".join(table(bench.outcomes)))


if __name__ == "__main__":
    main()
