"""Run a study: its cells planned, divided into groups, and each group worked through where the engine puts it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from p3m_anon.engines.ray_tasks import run_tasks
from p3m_anon.errors import P3MError, Stopped
from p3m_anon.jobs.study.group import Group, encoded, groups_of, has_failed, run_group, to_do
from p3m_anon.jobs.study.inputs import read_inputs
from p3m_anon.jobs.study.request import Standings, StudyRequest, StudySummary, Watch, title
from p3m_anon.studies.cells import Cell, Planned, plan_cells
from p3m_anon.studies.results import NO_WEIGHTS, standing
from p3m_anon.studies.store import Store

PATIENCE = 60.0  # seconds for cells at which another process works: what a killed run has left behind ends by then
_PAUSE = 1.0


def run_study(request: StudyRequest, watch: Watch | None = None) -> StudySummary:
    """Run what is not done yet; a cell that fails stops no other, and is tried again by the next run.

    May be stopped or killed at any moment, and run several times at once. Raises UsageError before anything is begun,
    Stopped where the store cannot be written.
    """
    start = time.monotonic()
    watch = watch or Watch()
    cells = plan_cells(request.study, read_inputs(request, watch.on_hashed))
    run = _Run(request, cells, watch)
    if not request.dry_run:
        run.store.write_grid(request.study, cells)
        run.all()
    return run.summary(time.monotonic() - start)


def standings(cells: Sequence[Planned], store: Store) -> list[Standings]:
    """How it stands with each of them."""
    return [Standings(one, *standing(one, store)) for one in cells]


@dataclass
class _Run:
    request: StudyRequest
    cells: list[Planned]
    watch: Watch

    def __post_init__(self) -> None:
        number, count = self.request.shard
        self.store = Store(self.request.store)
        self.groups = groups_of(self.cells)[number - 1 :: count]
        mine = {group[:3] for group in self.groups}
        self.own = [one for one in self.cells if (one.cell.method, one.cell.trained_on, one.cell.seed) in mine]

        self.before = {one.cell.id: self.store.state(one.cell.id) for one in self.own}

    def all(self) -> None:
        """Every group, and once more what another process was at."""
        self._work([(group, to_do(group.cells, self.store)) for group in self.groups])
        end = time.monotonic() + PATIENCE
        tried: list[Group] = []
        while time.monotonic() < end:
            left = [one for one in self._left() if one[0] not in tried]
            free = [(group, cells) for group, cells in left if not self._is_busy(cells)]
            if free:
                self._work(free)
            tried += [group for group, _ in free]
            if len(free) == len(left):
                return
            self._tick()
            time.sleep(_PAUSE)

    def summary(self, seconds: float) -> StudySummary:
        found = standings(self.own, self.store)
        incomplete = []
        for one in found:
            state = self.store.state(one.planned.cell.id) if one.standing == "done" else None
            if state is not None and not state.complete:
                incomplete.append(f"{title(one.planned)}: {state.note}")
        others = len(self.cells) - len(self.own)
        name = self.request.study.name
        return StudySummary(name, str(self.request.store), found, others, incomplete, seconds)

    def _work(self, groups: list[tuple[Group, list[Cell]]]) -> None:
        if self.request.engine == "local":
            for _, cells in groups:
                if wanted := self._not_lost(cells):
                    run_group(encoded(self.request, wanted), self._tick)
            return
        waiting = {encoded(self.request, cells): cells for _, cells in groups if cells}
        for one in run_tasks(run_group, list(waiting), self.request.devices):
            self._tick()
            if one is not None and one.error is not None:
                self._lose(waiting[one.item], one.error)

    def _not_lost(self, cells: list[Cell]) -> list[Cell]:
        """Without those that have failed since this run began, as another one tried them."""
        failed = {one.cell.id for one in self.own if has_failed(one.cell.id, self.store)}
        lost = {id for id in failed if self.store.state(id) != self.before[id]}
        return [one for one in cells if one.id not in lost and one.needs not in lost]

    def _lose(self, cells: list[Cell], error: Exception) -> None:
        """A whole task was lost, with the process that watches over the child: say so where it was."""
        if isinstance(error, Stopped):
            raise error
        lost = next((one for one in to_do(cells, self.store) if not self.store.is_worked_on(one.id)), None)
        if lost is not None:
            said = " ".join(str(error).split()) if isinstance(error, P3MError) else f"its task under Ray ended: {error}"
            self.store.fail(lost.id, said.splitlines()[0])

    def _left(self) -> list[tuple[Group, list[Cell]]]:
        """What this run has not even tried, as another one had it."""
        now = standings(self.own, self.store)
        never = {one.planned.cell.id for one in now if one.standing in ("running", "absent") and one.note != NO_WEIGHTS}
        left = [(group, to_do(group.cells, self.store)) for group in self.groups]
        left = [(group, [one for one in cells if one.id in never]) for group, cells in left]
        return [(group, cells) for group, cells in left if cells]

    def _is_busy(self, cells: Sequence[Cell]) -> bool:
        return any(self.store.is_worked_on(one.id) for one in cells)

    def _tick(self) -> None:
        self.watch.on_tick(standings(self.own, self.store))
