"""Foreground and background layers beside every folder of alphas, for the composition loss; resumable at any moment."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from p3m_anon.engines.crew import Shift, stream_isolated
from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.folders import find_pictures, stem_of
from p3m_anon.files.private import locked
from p3m_anon.jobs.crew import Crew, plan_crew
from p3m_anon.jobs.foreground.inputs import Manifest, Pair, pairs_of, unopened
from p3m_anon.jobs.foreground.picture import (
    COMPILED,
    ENDINGS,
    VERSION,
    BackgroundFormat,
    LayerResult,
    LayerTask,
    start_worker,
)
from p3m_anon.jobs.foreground.record import LayersRecord
from p3m_anon.jobs.foreground.sets import RECORD, LayerSet, find_sets, pixels_of, private_of

WORST = 5  # pictures that the summary names
BYTES_PER_PIXEL = 96  # of a picture under way; tools/bench_foreground.py --alone measures 79 to 81 for 8 bits
OnResult = Callable[[LayerResult], None]


@dataclass(frozen=True)
class ForegroundRequest:
    """What `foreground` is asked to do.

    folder: a dataset or release. format: of the background. replace: overwrite layers that this command did not make.
    workers: 0 is one per core. memory: bytes that the run may hold, all its processes together; 0 is half of the
    machine's.
    """

    folder: Path
    format: BackgroundFormat = "jpeg"
    private: Path | None = None
    replace: bool = False
    workers: int = 0
    memory: int = 0
    dry_run: bool = False


@dataclass
class ForegroundSummary:
    """What came of it.

    problems: a line per picture without layers; strangers: one per file or folder that does not belong there. removed:
    pictures that are gone or failed, and had layers. error_mean, worst (picture, mean, maximum): in levels of 255.
    """

    record: str
    folders: list[str]
    pictures: int = 0
    made: int = 0
    kept: int = 0
    removed: int = 0
    to_do: int = 0
    workers: int = 0
    problems: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    error_mean: float | None = None
    worst: list[tuple[str, float, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 if a picture has no layers, or layers have no picture."""
        return int(bool(self.problems or self.strangers))

    def to_json(self) -> str:
        """All of it, for other programs."""
        return json.dumps({**vars(self), "exit_code": self.exit_code}, sort_keys=True)


def foreground_folder(
    request: ForegroundRequest,
    on_result: OnResult = lambda _: None,
    on_start: Callable[[ForegroundSummary], None] = lambda _: None,
) -> ForegroundSummary:
    """Make the layers; on_result is called for each picture that was worked on or cannot be, in no fixed order.

    Pictures are worked on in child processes, which import the calling script again: guard its own calls with
    `if __name__ == "__main__":`. Raises UsageError before anything is written, Stopped when the run cannot go on.
    """
    start = time.monotonic()
    sets = find_sets(request.folder)
    if not sets:
        raise UsageError(f"{request.folder} holds no folder named mask; name a release, or a dataset's own folder")
    private = private_of(request.folder, request.private)
    crew = plan_crew(request.workers, request.memory)
    manifest = Manifest(request.folder)
    summary = ForegroundSummary(str(private / RECORD), [one.name or "." for one in sets], workers=crew.workers)
    summary.strangers += filter(None, (unopened(one, manifest) for one in sets))
    if request.dry_run:
        with LayersRecord(private, read_only=True) as record:
            run = _Run(request, record, summary, crew, on_result)
            summary.to_do = sum(1 for _ in run.tasks(sets, manifest, dry=True))
        return summary
    with locked(private), LayersRecord(private) as record:
        on_start(summary)
        (private / COMPILED).unlink(missing_ok=True)
        for one in sets:
            for name in ("fg", "bg"):
                remove_leftovers(one.folder / name)
        run = _Run(request, record, summary, crew, on_result)
        run.work(sets, manifest, private)
        summary.error_mean = record.mean_error()
        summary.worst = [(row.image, row.error_mean, row.error_max) for row in record.worst(WORST)]
    summary.problems.sort()
    summary.seconds = time.monotonic() - start
    return summary


class _Run:
    """One run over all sets: decides what is to be done, hands it out, and records it."""

    def __init__(
        self,
        request: ForegroundRequest,
        record: LayersRecord,
        summary: ForegroundSummary,
        crew: Crew,
        on_result: OnResult,
    ) -> None:
        self._request, self._record, self._summary = request, record, summary
        self._workers, self._pixels, self._on_result = crew.workers, crew.bytes // BYTES_PER_PIXEL, on_result

    def work(self, sets: list[LayerSet], manifest: Manifest, private: Path) -> None:
        """All pictures, then what lies there without one."""
        self._record.start()
        shift = Shift(functools.partial(start_worker, private), _cost, _patience, _lost)
        tasks = self.tasks(sets, manifest)
        for result in stream_isolated(tasks, shift, self._workers, self._pixels):
            if result.row is None:
                self._fail(result)
                continue
            self._record.add(result.row)
            self._summary.made += 1
            self._on_result(result)
        for foreground in self._record.unseen():
            self._remove(foreground)
        for one in sets:
            self._summary.strangers += _strangers(one, self._record)

    def tasks(self, sets: list[LayerSet], manifest: Manifest, *, dry: bool = False) -> Iterator[LayerTask]:
        """What has to be worked on, claimed as ours; pictures that cannot be are failed here."""
        for one in sets:
            for pair in pairs_of(one, manifest):
                self._summary.pictures += 1
                task = LayerTask(self._request.folder, pair, self._request.format)
                problem = pair.problem or self._obstacle(task)
                if problem:
                    self._fail(LayerResult(task, None, problem), dry=dry)
                elif self._is_done(task):
                    self._summary.kept += 1
                    self._record.see(task.foreground)
                else:
                    if not dry:
                        self._claim(task)
                    yield task

    def _obstacle(self, task: LayerTask) -> str:
        """Why work must not begin: too large a picture, or layers that are not ours."""
        pixels = pixels_of(task.pair.image)
        if pixels > self._pixels:
            return f"its {pixels / 1e6:.0f} megapixels need more than --memory allows ({self._pixels / 1e6:.0f})"
        if self._request.replace or self._record.files(task.foreground):
            return ""
        there = [file for file in _layer_files(task.pair) if (task.root / file).exists()]
        return f"{there[0]} is there already and not from this command; --replace overwrites it" if there else ""

    def _is_done(self, task: LayerTask) -> bool:
        """Both files are there with their recorded sizes, and were made from this very picture and alpha."""
        row = self._record.get(task.foreground)
        if row is None or row.version != VERSION or row.background != task.background:
            return False
        listed = task.pair.listed
        if listed.image not in (None, row.image_sha256) or listed.alpha not in (None, row.alpha_sha256):
            return False
        return (
            _size(task.root / row.foreground) == row.foreground_size
            and _size(task.root / row.background) == row.background_size
            and _sha256(task.pair.image) == row.image_sha256
            and _sha256(task.pair.alpha) == row.alpha_sha256
        )

    def _claim(self, task: LayerTask) -> None:
        """Older layers of another format go, so that there are never two backgrounds."""
        keep = {task.foreground, task.background}
        others = _layer_files(task.pair) if self._request.replace else self._record.files(task.foreground)
        for file in set(others) - keep:
            _unlink(task.root / file)
        self._record.claim(task.foreground, task.background)

    def _fail(self, result: LayerResult, *, dry: bool = False) -> None:
        """Say so; layers of an earlier picture or alpha do not stay."""
        self._summary.problems.append(f"{result.task.pair.label}: {result.problem}")
        if dry:
            return
        if not result.task.pair.twin:
            self._remove(result.task.foreground)
        self._on_result(result)

    def _remove(self, foreground: str) -> None:
        files = self._record.files(foreground)
        if files:
            self._summary.removed += sum([_unlink(self._request.folder / file) for file in files]) > 0
            self._record.forget(foreground)


def _layer_files(pair: Pair) -> list[str]:
    """Every name under which layers of this picture could lie."""
    return [pair.foreground, *(pair.one.label(f"bg/{pair.id}{ending}") for ending in ENDINGS.values())]


def _strangers(one: LayerSet, record: LayersRecord) -> Iterator[str]:
    """Layers that no picture of this run has; withdrawn people may be on them."""
    for kind in ("fg", "bg"):
        folder = one.folder / kind
        for path in find_pictures(folder) if folder.is_dir() else ():
            file = one.label(path.relative_to(one.folder).as_posix())
            key = one.label(f"fg/{stem_of(path.relative_to(folder))}.png")
            if file not in record.files(key):
                yield f"{file}: not from this command; remove it if its picture was withdrawn"


def _cost(task: LayerTask) -> int:
    return pixels_of(task.pair.image)


def _patience(task: LayerTask) -> float:
    """Seconds that a picture may take: many times what it needs, and time to compile the estimator before it."""
    return 600 + _cost(task) / 100_000


def _lost(task: LayerTask, cause: str) -> LayerResult:
    return LayerResult(task, None, f"{cause}; look at the file, and report it if it is sound")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _unlink(path: Path) -> bool:
    """Whether there was something to remove."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Stopped(f"{path.name} cannot be removed ({error.strerror}); check the folder's rights") from error
    return True
