"""What is to be done for one picture, what its result depends on, and whether it is done already."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.errors import ImageError, UnsupportedImage
from p3m_anon.faces.reasons import Finding
from p3m_anon.files.ledger_rows import Row, Source

if TYPE_CHECKING:
    from p3m_anon.files.decisions import Decision
    from p3m_anon.files.release import Release
    from p3m_anon.jobs.blur.detectors import LookPlan
    from p3m_anon.jobs.blur.request import BlurRequest


@dataclass(frozen=True)
class Task:
    """A ledger row with the files that belong to it: role (image, alpha, manual_mask, landmarks) -> path.

    problem: what speaks against the picture before it was opened. spare: roles for which there are several files.
    decision: what a person said of it in the review, perhaps of an older file; None if that decides nothing and
    nothing else was said before.
    """

    row: Row
    files: dict[str, Path]
    problem: Finding | None = None
    spare: tuple[str, ...] = ()
    decision: Decision | None = None

    @property
    def decision_version(self) -> int | None:
        """For the row that is made with it."""
        return self.decision.version if self.decision is not None and self.decision.is_binding else None


class Run:
    """What all pictures of a run share. Opens no picture and loads no detector."""

    def __init__(self, request: BlurRequest, plan: LookPlan, store: Release) -> None:
        """`store` knows the release folder and the private one."""
        self.request, self.plan, self.store = request, plan, store
        ways = request.format, request.jpeg, request.icc, request.alpha_policy
        more = request.figures, request.publish_facemask
        self._shared = json.dumps([request.settings.digest(), *ways, *more, plan.versions], sort_keys=True)

    def digest(self, task: Task, sources: tuple[Source, ...]) -> str:
        """What a result depends on; a row with this digest need not be made again."""
        contents = sorted((s.role, s.sha256) for s in sources)
        parts = [self._shared, task.row.id, contents, self.cleared(task.row)]
        if task.decision is not None:
            parts.append(task.decision.digest())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def cleared(self, row: Row) -> bool:
        """A person has put this picture on the no-face list, by id or path."""
        return bool(self.request.no_face & {row.id, row.path})

    def is_done(self, task: Task) -> bool:
        """The row was made from these very files, with these settings, and its outputs are there.

        Looks at sizes and times only, as no file is opened.
        """
        row = task.row
        if row.status == "withdrawn":
            return True
        if row.status not in ("accepted", "needs_review", "excluded") or row.digest is None:
            return False
        known = {s.role: s for s in row.sources}
        files = task.files
        if row.status == "excluded":  # only its picture was looked at
            files = {"image": files["image"]}
        if known.keys() != files.keys():
            return False
        for role, path in files.items():
            try:
                stat = path.stat()
            except OSError:
                return False
            source = known[role]
            if (str(path), stat.st_size, stat.st_mtime_ns) != (source.file, source.size, source.mtime_ns):
                return False
        return self.is_current(task, row.sources)

    def is_current(self, task: Task, sources: tuple[Source, ...]) -> bool:
        """The row's digest is that of these sources, and its outputs are there."""
        there = self.store.present(task.row.outputs, rehash=self.request.rehash)
        return there and task.row.digest == self.digest(task, sources)

    def failed(self, task: Task, error: ImageError, sources: tuple[Source, ...] = ()) -> Row:
        """A row that names what is wrong; the picture's older release goes at once."""
        self.store.clear(task.row.id, task.row.outputs)
        status = "unsupported" if isinstance(error, UnsupportedImage) else "failed"
        row = Row(task.row.path, task.row.id, status=status, detail=str(error), sources=sources)
        return replace(row, versions=self.plan.versions, decision=task.decision_version)
