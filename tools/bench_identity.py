"""Whom can an embedder still tell apart? The identity table of docs/privacy.md, measured over a folder of portraits.

    python -m tools.bench_identity PORTRAITS [--embedder mobilefacenet] [--weights-dir WEIGHTS] [--persons FILE.csv]

Each face is masked as `blur --no-alpha` would and replaced in one of several ways; then it is compared with the clear
faces. `painted` is the same mask in one grey: what is found there is found by hair, forehead and outline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import cv2
import numpy as np

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.detectors.embedder import Embedder
from p3m_anon.errors import ImageError
from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.blur import blurred
from p3m_anon.faces.linkage import Faces, Rate, linkage, persons_by_links, to_original
from p3m_anon.faces.masks import TRACED, FaceMask, face_masks
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.patch import union
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.embedders import find_embedder
from p3m_anon.files.folders import find_pictures
from p3m_anon.files.images import read
from p3m_anon.jobs.audit.identity import GREY, SEED, read_persons

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB

    Write = Callable[[RGB, Sequence[FaceMask]], RGB]


class Way(NamedTuple):
    """settings: which mask. write: what is put there."""

    settings: BlurSettings
    write: Write


def gaussian(sigma: float) -> Write:
    """Blur with sigma in face widths, also weaker than `blur` allows."""

    def write(rgb: RGB, masks: Sequence[FaceMask]) -> RGB:
        out = rgb.copy()
        for mask in masks:
            soft = blurred(rgb, mask.adjusted, sigma * mask.width, "exact")
            np.copyto(out[mask.adjusted.slices], soft, where=mask.adjusted.mask[..., None])
        return out

    return write


def painted(rgb: RGB, masks: Sequence[FaceMask]) -> RGB:
    """One grey."""
    out = rgb.copy()
    out[union([mask.adjusted for mask in masks], rgb.shape[:2])] = GREY
    return out


def as_blur(settings: BlurSettings) -> Way:
    """What `blur` writes."""
    return Way(settings, lambda rgb, masks: np.asarray(anonymize(rgb, masks, settings), np.uint8))


P3M, FULL = BlurSettings(), BlurSettings(region="full-face")
WAYS = {
    "untouched": Way(P3M, lambda rgb, masks: rgb),
    "sigma 0.05 w": Way(P3M, gaussian(0.05)),
    "sigma 0.1 w": Way(P3M, gaussian(0.1)),
    "sigma 0.2 w": as_blur(BlurSettings(sigma=0.2)),
    "p3m (0.3 w)": as_blur(P3M),
    "p3m mask, painted grey": Way(P3M, painted),
    "p3m, `--region full-face`": as_blur(FULL),
    "full-face mask, painted grey": Way(FULL, painted),
    "strict": as_blur(BlurSettings(blur_profile="strict", region="full-face")),
}


class Bench:
    """Embeddings of every face after every way."""

    def __init__(self, embedder: Embedder, smallest: int) -> None:
        self._detector, self._embedder, self._smallest = CenterFace(), embedder, smallest
        self.images: list[str] = []
        self.vectors: dict[str, list[npt.NDArray[np.float32]]] = {}

    def picture(self, name: str, rgb: RGB) -> None:
        """Write one picture in every way and embed its faces, the widest first."""
        faces = [face for face in self._detector.detect(rgb) if face.score >= 0.5 and face.view in TRACED]
        sure = tuple(Seen(face, (face.box,), "both", sure=True) for face in faces)
        wide = sorted((f for f in faces if f.box[2] - f.box[0] >= self._smallest), key=lambda f: f.box[0] - f.box[2])
        self.images += [name] * len(wide)
        for title, way in WAYS.items():
            masks = [m for m in face_masks((rgb.shape[0], rgb.shape[1]), sure, None, way.settings) if m.adjusted.area]
            out = way.write(rgb, masks)
            self.vectors.setdefault(title, []).extend(self._embedder.embed(out, face) for face in wide)


def table(bench: Bench, embedder: Embedder, persons: dict[str, str] | None) -> list[str]:
    """The lines of a Markdown table."""
    numbers = {image: row for row, image in enumerate(dict.fromkeys(bench.images))}
    pictures = np.array([numbers[image] for image in bench.images], np.int64)
    stacked = {title: np.stack(vectors) for title, vectors in bench.vectors.items()}
    same_person = embedder.file.face_input.same_person
    clear = Faces(stacked["untouched"], np.arange(len(pictures)), pictures)
    names = persons_by_links(clear, same_person) if persons is None else _named(bench.images, persons)
    clear = clear._replace(persons=names)
    rows = np.arange(len(pictures))
    lines = [
        "| written | similarity to its original, median, 95 % | its original is the most similar one | "
        "to clear pictures of the person | to one another |",
        "|---|---|---|---|---|",
    ]
    for title in WAYS:
        chance = np.random.default_rng(SEED)
        faces = clear._replace(vectors=stacked[title])
        own = to_original(faces, rows, clear, same_person, chance)
        assert own is not None
        to_clear, within = linkage(faces, clear, chance), linkage(faces, faces, chance)
        similarity = f"{own.similarity['0.5']:.2f}, {own.similarity['0.95']:.2f}"
        cells = (similarity, *(_words(rate) for rate in (own.rank1, to_clear.rank1, within.rank1)))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _named(images: Sequence[str], persons: dict[str, str]) -> npt.NDArray[np.int64]:
    """Whoever the file names in the widest face of a picture; every other face is a person of its own."""
    numbers: dict[str, int] = {}
    first = [row == 0 or image != images[row - 1] for row, image in enumerate(images)]
    return np.array(
        [
            numbers.setdefault(persons[image], row) if image in persons and first[row] else row
            for row, image in enumerate(images)
        ],
        np.int64,
    )


def _words(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}], chance {rate.chance:.2f}, n {rate.faces}"


@click.command()
@click.argument("portraits", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--embedder", default="mobilefacenet", show_default=True, help="A known name, or an ONNX file.")
@click.option("--weights-dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--persons", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV: image, person.")
@click.option("--smallest", default=40, show_default=True, help="Face width in pixels from which faces are counted.")
def main(portraits: Path, embedder: str, weights_dir: Path | None, persons: Path | None, smallest: int) -> None:
    """Print the identity table for the faces of a folder of clear portraits."""
    cv2.setNumThreads(1)
    loaded = Embedder(find_embedder(embedder, weights_dir))
    bench = Bench(loaded, smallest)
    for path in find_pictures(portraits):
        try:
            bench.picture(path.relative_to(portraits).as_posix(), read(path).rgb)
        except ImageError as error:
            click.echo(f"left out: {error}", err=True)
    if not bench.images:
        raise click.ClickException(f"no faces in {portraits}")
    click.echo(f"{loaded.file.name}: {len(bench.images)} faces in {len(set(bench.images))} pictures\n")
    click.echo("\n".join(table(bench, loaded, None if persons is None else read_persons(persons))))


if __name__ == "__main__":
    main()
