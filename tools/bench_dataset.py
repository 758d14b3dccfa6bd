"""How fast manifests are built, verified and compared, in how much memory, and how verify stands beside `sha256sum`.

    python tools/bench_dataset.py                  trees of 1,000, 10,000 and 100,000 pictures of a few kilobytes
    python tools/bench_dataset.py --rows-only      the same without files: write, read and diff of manifests
    python tools/bench_dataset.py --share          verify beside `find | xargs -P sha256sum`, on files of real size
    python tools/bench_dataset.py --store          verify in a store in memory whose every answer takes 20 ms

Each size runs in a process of its own, whose peak memory is printed.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from p3m_anon.dataset.layout import folder
from p3m_anon.dataset.rows import SPLITS
from p3m_anon.extras import import_extra
from p3m_anon.files.dataset_facts import DatasetFacts, seal, write_facts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.remote import location
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.manifest.diff import ManifestDiff
from p3m_anon.jobs.manifest.pool import cores, readers
from p3m_anon.jobs.manifest.verify import verify_dataset

LATE = 0.02  # seconds, of each answer of the store in --store
SIZES = (1_000, 10_000, 100_000)
CLASSES = {"4 KB": (4 << 10, 4000), "64 KB": (64 << 10, 4000), "500 KB": (500 << 10, 1500), "4 MB": (4 << 20, 200)}
"""For --share and --store: bytes of a file and how many; a P3M-10k portrait has about 500 KB."""


def row(number: int, changed: bool = False) -> dict[str, Any]:
    """A row as `split` writes them, with its layers."""
    split, name = SPLITS[number % 20 if number % 20 < 3 else 0], f"p_{number:08x}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    said: dict[str, Any] = {"id": name, "split": split, "status": "normal" if split == "P3M-500-NP" else "anonymized"}
    said |= {"image": f"{folder(split, 'image')}/{name}.jpg", "image_sha256": digest}
    said |= {"alpha": f"{folder(split, 'alpha')}/{name}.png", "alpha_sha256": digest}
    said |= {"trimap": f"{folder(split, 'trimap')}/{name}.png", "trimap_sha256": digest}
    said |= {"width": 1080, "height": 1620, "faces": 2 if changed else 1, "detector": "centerface", "profile": "p3m"}
    said |= {"fidelity": "mcu", "settings_digest": "0" * 16}
    return said | ({"release_basis": "consent"} if split == "P3M-500-NP" else {})


def make_tree(root: Path, count: int) -> None:
    """Real, small pictures, each of its own bytes by a comment; the mask is the same for all."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    jpeg, png, trimap = (io.BytesIO() for _ in range(3))
    Image.fromarray(pixels).save(jpeg, "JPEG", quality=85)
    Image.fromarray(pixels[..., 0]).save(png, "PNG")
    Image.fromarray(np.where(pixels[..., 0] > 128, 255, 128).astype(np.uint8)).save(trimap, "PNG")
    for split in SPLITS:
        for role in ("image", "alpha", "trimap"):
            (root / folder(split, role)).mkdir(parents=True)
    for number in range(count):
        said, data = row(number), jpeg.getvalue()
        comment = f"{number:08d}".encode()
        (root / said["image"]).write_bytes(data[:2] + b"\xff\xfe\x00\x0a" + comment + data[2:])
        (root / said["alpha"]).write_bytes(png.getvalue())
        (root / said["trimap"]).write_bytes(trimap.getvalue())


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(count: int, rows_only: bool) -> dict[str, float]:
    """Seconds of each step, and the peak memory of this process in MB."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder_:
        one, two = Path(folder_, "one"), Path(folder_, "two")
        one.mkdir()
        took: dict[str, float] = {}
        took["write"] = timed(lambda: write_rows(one / MANIFEST, map(row, range(count))))
        write_rows(two / MANIFEST, (row(n, n % 100 == 0) for n in range(count)))
        took["read"] = timed(lambda: sum(1 for _ in read_rows(one / MANIFEST)))
        took["diff"] = timed(lambda: sum(1 for _ in ManifestDiff(one, two).changes()))
        if not rows_only:
            (one / MANIFEST).unlink()
            make_tree(one, count)
            took["build"] = timed(lambda: build_manifest(BuildRequest(one, facts=None)))
            took["build again"] = timed(lambda: build_manifest(BuildRequest(one)))
            took["verify"] = timed(lambda: verify_dataset(one))
        took["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return took


def sealed_tree(root: Path, size: int, count: int) -> None:
    """Random bytes under the names of pictures, with a manifest that says so."""
    random = np.random.default_rng(0)

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(count):
            data = random.bytes(size)
            said = {key: value for key, value in row(number).items() if not key.startswith(("alpha", "trimap"))}
            path = root / said["image"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            yield said | {"image_sha256": hashlib.sha256(data).hexdigest()}

    write_rows(root / MANIFEST, rows())
    write_facts(root, DatasetFacts(name="bench"))
    seal(root)


def show_share(runs: int) -> None:
    """All in turn, medians; the files are in the page cache for all. openssl may have quicker code than sha256sum."""
    workers = cores()
    find = f"find . -type f -print0 | xargs -0 -P {workers} -n 64"
    rivals = {"sha256sum": f"{find} sha256sum", "openssl": f"{find} openssl dgst -sha256"}
    rivals = {name: f"{command} > /dev/null" for name, command in rivals.items() if shutil.which(name)}
    click.echo(f"{workers} threads or processes; medians of {runs} runs in turn, files cached")
    for name, (size, count) in CLASSES.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder_:
            root = Path(folder_)
            sealed_tree(root, size, count)
            ways: dict[str, Callable[[], object]] = {"verify": functools.partial(verify_dataset, root)}
            for rival, command in rivals.items():
                ways[rival] = functools.partial(subprocess.run, command, shell=True, cwd=root, check=True)
            took: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(runs + 1):
                for way, work in ways.items():
                    took[way].append(timed(work))
            verify = statistics.median(took["verify"][1:])
            rate = f"{count / verify:.0f} files/s, {count * size / verify / 1e6:.0f} MB/s"
            seconds = {rival: statistics.median(took[rival][1:]) for rival in rivals}
            others = ", ".join(f"{rival} {s:.2f} s: share {s / verify:.0%}" for rival, s in seconds.items())
            click.echo(f"{count} files of {name}: verify {verify:.2f} s ({rate}), {others}")


def show_store(runs: int) -> None:
    """Threads against one thread, and a store without delay against the disk: what the way through fsspec costs."""
    memory = import_extra("fsspec", "remote").filesystem("memory")
    size, count = CLASSES["500 KB"][0], 200
    with tempfile.TemporaryDirectory(prefix="bench-") as folder_:
        root, there = Path(folder_), location("memory://bench")
        sealed_tree(root, size, count)
        memory.put(f"{root}/", "/bench", recursive=True)
        disk = statistics.median(timed(lambda: verify_dataset(root)) for _ in range(runs + 1))
        store = statistics.median(timed(lambda: verify_dataset(there)) for _ in range(runs + 1))
    click.echo(f"{count} files of 500 KB: disk {disk:.2f} s, memory store {store:.2f} s: {store / disk:.0%}")
    read = type(memory).cat_file

    def late(self: Any, path: str, *more: Any, **options: Any) -> Any:
        time.sleep(LATE)
        return read(self, path, *more, **options)

    type(memory).cat_file = late
    alone = timed(lambda: verify_dataset(there, 1))
    for workers in (4, readers(there), 32):
        took = statistics.median(timed(functools.partial(verify_dataset, there, workers)) for _ in range(runs))
        click.echo(
            f"each {LATE * 1000:.0f} ms late: {workers} threads {took:.2f} s, {alone / took:.1f} times one thread's"
        )


@click.command()
@click.option("--rows-only", is_flag=True, help="No files: write, read and diff.")
@click.option("--share", is_flag=True, help="Verify beside parallel sha256sum.")
@click.option("--store", is_flag=True, help="Verify in a slow store.")
@click.option("--runs", default=5, show_default=True, help="For --share and --store.")
@click.option("--most", default=SIZES[-1], show_default=True, help="Leave larger sizes out.")
@click.option("--one", type=int, hidden=True)
def main(rows_only: bool, share: bool, store: bool, runs: int, most: int, one: int | None) -> None:
    """Rows per second of each step at growing sizes: equal numbers mean linear time."""
    if one is not None:
        click.echo(json.dumps(measure(one, rows_only)))
        return
    if share or store:
        (show_share if share else show_store)(runs)
        return
    for count in [size for size in SIZES if size <= most]:
        options = ["--rows-only"] if rows_only else []
        command = [sys.executable, os.path.abspath(__file__), "--one", str(count), *options]
        took = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        memory = took.pop("memory")
        rates = ", ".join(f"{name} {count / seconds:.0f}/s" for name, seconds in took.items())
        click.echo(f"{count} rows: {rates}; peak memory {memory:.0f} MB")


if __name__ == "__main__":
    main()
