"""Which clear faces does `audit` find? Faces of a known width are pasted into the pictures of a release.

    python -m tools.bench_audit RELEASE ORIGINALS [--weights-dir DIR] [--pictures 6] [--seed 3]

The faces are the two public-domain ones that come with scikit-image and matplotlib. Each picture gets one of each at
every width, clear of the masks, and is audited as another tool's picture: with masks and originals, with masks, alone.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage import data

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.jobs.audit.request import AuditFinding, AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from tools.paste_faces import RGB, Box, Head, cut_head, free_corner, paste, side_of

WIDTHS = (12, 16, 20, 24, 40)
LARGER = 2.5  # times as wide as a pasted face that a finding about it may be


@dataclass(frozen=True)
class Planted:
    """A pasted face."""

    image: str
    width: int
    box: Box


def heads() -> list[Head]:
    """The two faces, with their surroundings."""
    hopper = Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))).convert("RGB")
    found = []
    for name, rgb in (("astronaut", data.astronaut()), ("hopper", np.asarray(hopper))):
        head = cut_head(rgb, CenterFace().detect(rgb)[0].box, name)
        assert head is not None
        found.append(head)
    return found


def plant(rgb: RGB, mask: RGB, name: str, rng: np.random.Generator) -> tuple[RGB, list[Planted]]:
    """The picture with all faces that find room, and where they are."""
    ys, xs = np.nonzero(mask)
    taken: list[Box] = [(xs.min(), ys.min(), xs.max(), ys.max())] if len(xs) else []
    planted = []
    for width in WIDTHS:
        for head in heads():
            side = side_of(head, width)
            corner = free_corner(rng, (rgb.shape[0], rgb.shape[1]), side, taken)
            if corner is None:
                continue
            pasted = paste(rgb, head, width, corner, "plain")
            rgb = pasted.rgb
            planted.append(Planted(name, width, pasted.box))
            taken.append((corner[0], corner[1], corner[0] + side, corner[1] + side))
    return rgb, planted


def severity(face: Planted, findings: list[AuditFinding]) -> str:
    """The worst that is said of a pasted face."""
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    said = {
        one.severity
        for one in findings
        if one.box and one.check == "clear face" and one.image == face.image
        if one.box[0] < x < one.box[2] and one.box[1] < y < one.box[3]
        if one.box[2] - one.box[0] < LARGER * face.width
    }
    return next((one for one in ("leak", "warning", "note") if one in said), "nothing")


@click.command()
@click.argument("release", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("originals", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--weights-dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pictures", default=6, show_default=True, help="How many of the release, evenly spread by name.")
@click.option("--seed", default=3, show_default=True)
def main(release: Path, originals: Path, weights_dir: Path | None, pictures: int, seed: int) -> None:
    """Print, for each width, how many pasted faces are a leak, a note, or not seen."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    private = release.with_name(release.name + ".private") / "facemask"
    with tempfile.TemporaryDirectory() as folder:
        images, masks = Path(folder) / "images", Path(folder) / "masks"
        images.mkdir()
        masks.mkdir()
        planted: list[Planted] = []
        released = sorted((release / "blurred_image").iterdir())
        for path in released[:: -(-len(released) // pictures)]:
            mask = private / f"{path.stem}.png"
            rgb = np.asarray(Image.open(path).convert("RGB"))
            out, more = plant(rgb, np.asarray(Image.open(mask).convert("L")), f"{path.stem}.png", rng)
            Image.fromarray(out).save(images / f"{path.stem}.png")
            shutil.copy(mask, masks)
            planted += more
        ways = {"masks and originals": (masks, originals), "masks": (masks, None), "alone": (None, None)}
        for name, (known, sources) in ways.items():
            request = AuditRequest(images=images, masks=known, originals=sources, weights_dir=weights_dir)
            findings = audit_folder(request).findings
            for width in WIDTHS:
                count = Counter(severity(one, findings) for one in planted if one.width == width)
                click.echo(f"{name}, {width} px: {dict(count)}")


if __name__ == "__main__":
    main()
