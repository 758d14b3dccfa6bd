"""How grouping and dividing grow with the number of pictures: seconds of CPU, and the peak of memory.

    python tools/bench_split.py [--rows 10000 --rows 100000 --rows 1000000]

Each size runs in a process of its own. The rows are synthetic: hashes of 32 ones among 64 bits, as real ones are; one
in ten has a near-duplicate at 0 to 8 bits (half of these mirrored), and one in a hundred is black, with the same hash.
With --ledger a ledger of that many rows is written first, and read as `split --dry-run` reads it.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from p3m_anon.dataset.groups import MIRROR, find_groups
from p3m_anon.dataset.split import BLURRED, CLEAR, FREE, NP, Candidates, P, divide, order_key

SIZES = (10_000, 100_000, 1_000_000)


def hashes(count: int) -> np.ndarray:
    """Synthetic perceptual hashes, uint64 (count,)."""
    draw = np.random.default_rng(0)
    values = np.empty(count, np.uint64)
    for start in range(0, count, 1 << 16):  # in portions: 64 random numbers a hash
        part = draw.random((min(1 << 16, count - start), 64)).argsort(axis=1) < 32
        values[start : start + len(part)] = np.packbits(part, axis=1).view(">u8")[:, 0]
    twins = draw.permutation(count)[: count // 10]
    copies = values[draw.permutation(count)[: count // 10]]
    for _ in range(8):
        bit = np.uint64(1) << draw.integers(0, 64, len(copies)).astype(np.uint64)
        copies = np.where(draw.random(len(copies)) < 0.5, copies ^ bit, copies)
    values[twins] = np.where(draw.random(len(copies)) < 0.5, copies ^ MIRROR, copies)
    values[draw.permutation(count)[: count // 100]] = 0
    return values


def pure(count: int) -> str:
    """Group and divide `count` rows; one line of the table."""
    values = hashes(count)
    start = time.process_time()
    keys = np.fromiter((key for i in range(count) for key in order_key(7, f"{i}")), np.uint64, 2 * count)
    keyed = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    groups = find_groups(values)
    grouped = time.process_time()
    draw = np.random.default_rng(1)
    kinds = draw.choice(np.array([BLURRED, FREE, CLEAR], np.uint8), count, p=(0.9, 0.05, 0.05))
    division = divide(Candidates(keys.reshape(-1, 2), kinds, groups.labels, draw.integers(0, 40, count)), 500, 500)
    end = time.process_time()
    test = [int((division.places == place).sum()) for place in (P, NP)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{count:9d}  keys {keyed - start:6.2f} s  groups {grouped - keyed:6.2f} s  draw {end - grouped:6.2f} s"
        f"  {1e6 * (end - start) / count:6.1f} us a row  peak {peak / 1024:5.0f} MB"
        f" ({(peak - before) * 1024 / count:4.0f} bytes a row)"
        f"  {groups.pairs} pairs, {division.groups} groups, largest {division.largest}, P and NP {test}"
    )


def with_ledger(count: int) -> str:
    """The same through a ledger on disk, as the command does it."""
    from p3m_anon.jobs.split.request import SplitRequest
    from p3m_anon.jobs.split.run import split_release

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "release")
        private = Path(folder, "release.private")
        out.mkdir()
        private.mkdir()
        (out / "manifest.jsonl").touch()
        _write_ledger(private / "ledger.sqlite", count)
        start = time.process_time()
        summary = split_release(SplitRequest(out, Path(folder, "root"), dry_run=True))
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{count:9d}  split --dry-run {seconds:7.1f} s  {1e6 * seconds / count:6.1f} us a row  peak {peak:5.0f} MB"
        f"  {summary.counts}, {summary.refused} refused"
    )


def _write_ledger(file: Path, count: int) -> None:
    """A ledger of accepted pictures, one in twenty of them cleared."""
    from p3m_anon.files.ledger import Ledger
    from p3m_anon.files.ledger_rows import Output, Row, Source

    face = {"width": 70.5, "landmarks": [[1.5, 2.5]] * 68, "box": [1.0, 2.0, 3.0, 4.0], "score": 0.9}
    facts = dict.fromkeys(("detector", "profile", "fidelity", "settings_digest"), "x") | {"height": 480, "faces": 1}
    cleared = {"status": "normal", "release_basis": "consent"}
    outputs = Output("image", "b.jpg", 9, "1" * 64), Output("alpha", "m.png", 9, "2" * 64)
    values = hashes(count)
    with Ledger(file) as ledger:
        ledger.register(((f"{i}.jpg", f"{i}") for i in range(count)), lambda path, _: path[:-4])
        with ledger.transaction():
            ledger.transaction = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # one for all
            for i in range(count):
                status = cleared if i % 20 == 0 else {"status": "anonymized"}
                row = Row(f"{i}.jpg", f"{i}", "accepted", facts=facts | status | {"width": 640 + i % 900}, faces=[face])
                source = Source("image", f"/photos/{i}.jpg", 9, 9, "0" * 64)
                ledger.record(replace(row, phash=f"{int(values[i]):016x}", sources=(source,), outputs=outputs))


@click.command()
@click.option("--rows", multiple=True, type=int, default=SIZES, help="How many; may be repeated.")
@click.option("--ledger", is_flag=True, help="Through a ledger on disk.")
@click.option("--one", type=int, hidden=True)
def main(rows: tuple[int, ...], ledger: bool, one: int | None) -> None:
    """Print the table."""
    if one is not None:
        print(with_ledger(one) if ledger else pure(one))
        return
    for count in rows:
        more = ["--ledger"] if ledger else []
        subprocess.run([sys.executable, __file__, "--one", str(count), *more], check=True)


if __name__ == "__main__":
    main()
