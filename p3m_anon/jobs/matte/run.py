"""An alpha matte for every picture of a folder; resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from p3m_anon.engines.local import Limits, Stages, one_thread, stream
from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.folders import find_pictures, locate, stem_of
from p3m_anon.files.headers import EXTENSIONS
from p3m_anon.files.private import locked, private_folder
from p3m_anon.files.release import published_above
from p3m_anon.jobs.eval.files import NamedFiles
from p3m_anon.jobs.foreground.sets import pixels_of
from p3m_anon.jobs.matte.picture import Depth, Loaded, MatteItem, MatteJob, MatteResult, Predictor, Seen
from p3m_anon.jobs.matte.record import BEGUN, RECORD, MatteRecord, MatteRow
from p3m_anon.methods.registry import METHODS

VERSION = 1  # of what is written of an alpha; mattes of another one are made again
PIXELS = 48_000_000  # under way at once, at 3 to 20 bytes each; the network's own memory comes on top
OnResult = Callable[[MatteResult], None]


@dataclass(frozen=True)
class MatteRequest:
    """What `matte` is asked to do.

    source: a picture, or a folder of them. out: the folder of mattes; cut-outs go to `OUT.rgba` beside it. method to
    precision: as in `evaluation.predict.load_predictor`. trimaps: a folder of them under the pictures' names, for a
    method that needs them. rgba: cut-outs too. depth: bits of what is written. batch:
    pictures of one size in one pass. replace: overwrite files that this command did not make. workers: 0 is one per
    core.
    """

    source: Path
    out: Path
    method: str = "p3mnet"
    checkpoint: Path | None = None
    trimaps: Path | None = None
    strategy: str | None = None
    device: str = "auto"
    precision: str = "float32"
    rgba: bool = False
    depth: Depth = 8
    batch: int = 1
    private: Path | None = None
    replace: bool = False
    workers: int = 0
    dry_run: bool = False

    @property
    def cutouts(self) -> Path:
        """The folder of cut-outs: beside the mattes, so that OUT holds nothing else."""
        return self.out.with_name(f"{self.out.name}.rgba")


@dataclass
class MatteSummary:
    """What came of it. problems: a line per picture without a matte, sorted. cutouts: their folder, if asked for."""

    out: str
    record: str
    cutouts: str | None = None
    pictures: int = 0
    made: int = 0
    kept: int = 0
    to_do: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 if a picture has no matte."""
        return int(bool(self.problems))

    def to_json(self) -> str:
        """All of it, for other programs."""
        return json.dumps({**vars(self), "exit_code": self.exit_code}, sort_keys=True)


def matte_folder(
    request: MatteRequest, predictor: Predictor | None = None, on_result: OnResult = lambda _: None
) -> MatteSummary:
    """Make the mattes; on_result is called for each picture, in no fixed order.

    predictor: makes the mattes in the place of the one that the request names. Raises UsageError and WeightsError
    before anything is written, Stopped when the run cannot go on.
    """
    start = time.monotonic()
    private = _check(request)
    predictor = predictor or _load(request)
    parts = [predictor.digest, request.depth, VERSION]
    job = MatteJob(predictor, hashlib.sha256(json.dumps(parts).encode()).hexdigest(), request.depth)
    summary = MatteSummary(str(request.out), str(private / RECORD), str(request.cutouts) if request.rgba else None)
    if request.dry_run:
        with MatteRecord(private, read_only=True) as record:
            run = _Run(request, job, record, summary, on_result)
            summary.to_do = sum(not job.is_done(item) for item in run.items(dry=True))
            summary.kept = summary.pictures - summary.to_do - len(summary.problems)
    else:
        with locked(private), MatteRecord(private) as record:
            for folder in (request.out, request.cutouts):
                remove_leftovers(folder)
            _Run(request, job, record, summary, on_result).work()
    summary.problems.sort()
    summary.seconds = time.monotonic() - start
    return summary


class _Run:
    """One run: decides what is to be done, hands it out, and records it."""

    def __init__(
        self, request: MatteRequest, job: MatteJob, record: MatteRecord, summary: MatteSummary, on_result: OnResult
    ) -> None:
        self._request, self._job, self._record = request, job, record
        self._summary, self._on_result = summary, on_result
        self._trimaps = NamedFiles(request.trimaps) if request.trimaps is not None else None

    def work(self) -> None:
        """All pictures: read and written by a pool, while one thread runs the network."""
        workers = self._request.workers or len(os.sched_getaffinity(0))
        stages: Stages[MatteItem, Loaded, Seen, MatteResult] = Stages(
            cost=lambda item: pixels_of(item.picture), load=self._job.load, look=self._job.look, finish=self._job.finish
        )
        with one_thread():
            for result in stream(self.items(), stages, Limits(workers, self._request.batch, True, PIXELS)):
                self._take(result)

    def items(self, *, dry: bool = False) -> Iterator[MatteItem]:
        """What may be worked on, claimed as ours; what may not is failed here."""
        seen: set[str] = set()
        for root, picture in _pictures(self._request):
            relative = picture.relative_to(root)
            id = stem_of(relative)
            file = f"{id}.png"
            alpha, cutout = self._request.out / file, self._request.cutouts / file
            row = self._record.get(file)
            item = MatteItem(relative.as_posix(), picture, file, alpha, cutout if self._request.rgba else None, row)
            self._summary.pictures += 1
            problem, ours = self._obstacle(item, twin=id in seen), ""
            if self._trimaps is not None and not problem:
                trimaps = self._trimaps.find(id)
                item = item._replace(trimap=trimaps[0] if trimaps else None)
                problem, ours = _missing(trimaps), item.file
            seen.add(id)
            if problem:
                self._fail(MatteResult(item.label, ours, problem=problem))
                continue
            if not dry:
                self._claim(item)
            yield item

    def _obstacle(self, item: MatteItem, *, twin: bool) -> str:
        """Why work must not begin."""
        if twin:
            return f"another picture's matte is called {item.file} too; rename one of them"
        if self._request.replace:
            return ""
        ours = item.row is not None, item.row is not None and item.row.cutout_size != 0
        for file, is_ours in zip((item.alpha, item.cutout), ours, strict=True):
            if file is not None and not is_ours and file.exists():
                name = f"{file.parent.name}/{file.name}"
                return f"{name} is there already and not from this command; --replace overwrites it"
        return ""

    def _claim(self, item: MatteItem) -> None:
        """Say, before work begins, that what will lie there is ours; what lies there now is not, and stays as it is."""
        cutout = BEGUN if item.cutout is not None and not item.cutout.exists() else 0
        if item.row is None and not item.alpha.exists():
            self._record.put(MatteRow(item.file, cutout_size=cutout))
        elif item.row is not None and not item.row.cutout_size and cutout:
            self._record.put(item.row._replace(cutout_size=cutout))

    def _take(self, result: MatteResult) -> None:
        """Record what was finished; what was made without a cut-out leaves none of an earlier picture."""
        if result.problem:
            self._fail(result)
            return
        assert result.row is not None
        if result.kept:
            self._summary.kept += 1
        else:
            self._summary.made += 1
            if not result.row.cutout_size:
                self._remove_cutout(result.file)
            self._record.put(result.row)
        self._on_result(result)

    def _fail(self, result: MatteResult) -> None:
        """Say so; the matte of an earlier state of the picture does not stay."""
        self._summary.problems.append(f"{result.label}: {result.problem}")
        if self._request.dry_run:
            return
        if result.file and self._record.get(result.file) is not None:
            self._remove_cutout(result.file)
            _unlink(self._request.out / result.file)
            self._record.forget(result.file)
        self._on_result(result)

    def _remove_cutout(self, file: str) -> None:
        row = self._record.get(file)
        if row is not None and row.cutout_size:
            _unlink(self._request.cutouts / file)


def _missing(trimaps: list[Path]) -> str:
    """Why there is not the one trimap of a picture; else ""."""
    if len(trimaps) > 1:
        return f"several trimaps of this name: {', '.join(one.name for one in trimaps)}; keep one"
    return "" if trimaps else "no trimap of this name; p3m-anon trimap makes them from alphas"


def _check(request: MatteRequest) -> Path:
    """The private folder. Raises UsageError where the folders or the method and its trimaps do not fit together."""
    method = METHODS[request.method]
    needs = method.needs_trimap
    if needs and request.trimaps is None:
        raise UsageError(f"{request.method} needs a trimap for each picture; name their folder with --trimap")
    if request.trimaps is not None and not needs:
        raise UsageError(f"{request.method} takes no trimap; leave out --trimap")
    if method.solve is not None and (request.strategy, request.precision, request.device) != (None, "float32", "auto"):
        raise UsageError(f"{request.method} is not a network; leave out --strategy, --precision and --device")
    out = request.out.resolve()
    source = request.source.resolve()
    among = [out, *out.parents] if source.is_dir() else [out, request.cutouts.resolve()]
    if (source if source.is_dir() else source.parent) in among:
        raise UsageError(f"{request.out}: mattes would lie among the pictures; choose another --out")
    if request.trimaps is not None:
        trimaps = request.trimaps.resolve()
        for folder in (out, request.cutouts.resolve()):
            if folder.is_relative_to(trimaps) or trimaps.is_relative_to(folder):
                raise UsageError(f"{request.out}: mattes would lie among the trimaps; choose another --out")
    if out.suffix.lower() in (*EXTENSIONS.values(), ".jpeg") and not out.is_dir():
        raise UsageError(f"{request.out} is called like a picture; --out is a folder")
    released = published_above(out)
    if released is not None:
        raise UsageError(f"{request.out} lies in {released.name}, which is published; choose another --out")
    if next(_pictures(request), None) is None:
        raise UsageError(f"{request.source} holds no pictures")
    return private_folder(request.out, request.private)


def _pictures(request: MatteRequest) -> Iterator[tuple[Path, Path]]:
    """(folder, picture) of everything to be matted."""
    if request.source.is_file():
        yield request.source.parent, request.source
        return
    found = locate(request.source)
    private = private_folder(request.out, request.private)
    left_out = [request.out, request.cutouts, private]
    left_out += [one for one in (found.alphas, request.trimaps) if one is not None]
    for picture in find_pictures(found.pictures, exclude=left_out):
        yield found.pictures, picture


def _load(request: MatteRequest) -> Predictor:
    from p3m_anon.evaluation.predict import SHORT_SIDE, load_predictor

    return load_predictor(
        request.method,
        request.checkpoint,
        strategy=request.strategy,
        device=request.device,
        precision=request.precision,
        short_side=SHORT_SIDE,
    )


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise Stopped(f"{path.name} cannot be removed ({error.strerror}); check the folder's rights") from error
