"""`study report`: what a store knows of a study, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from p3m_anon.jobs.study.write import ReportSummary, write_report
from p3m_anon.methods.registry import METHODS
from p3m_anon.studies.cells import Planned
from p3m_anon.studies.results import Result, published, results
from p3m_anon.studies.store import Store


def report(study_or_file: str, store: Path) -> ReportSummary:
    """Write the report of a study as the store has it, whose file may be gone.

    Raises UsageError for a study that was never run there, and as `write_report`.
    """
    kept, name = Store(store), Path(study_or_file).name.removesuffix(".toml")
    study, cells = kept.grid(name)  # as it was run, which its file may be no more
    return write_report(study, list(_with_logs(results(study, kept), cells, kept)), store, _unfounded(cells))


def _with_logs(found: Sequence[Result], cells: Sequence[Planned], store: Store) -> Iterator[Result]:
    """With the path of the log in the note of what failed, or could not begin as its training had failed."""
    ids = {(one.cell.method, one.cell.trained_on, one.cell.seed, one.cell.test): one.cell for one in cells}
    for result in found:
        cell = ids.get((result.method, result.trained_on, result.seed, result.test))
        training = store.state(cell.needs) if cell is not None and cell.needs else None
        if cell is not None and result.state == "failed":
            yield replace(result, note=_logged(result.note, cell.id, store))
        elif cell is not None and result.state == "absent" and training is not None and training.stage == "failed":
            why = f"its training failed: {published(training.note, store.root)}"
            yield replace(result, note=_logged(why, cell.needs or "", store))
        else:
            yield result


def _logged(note: str, id: str, store: Store) -> str:
    log = store.log(id)
    return f"{note}; log: {log.relative_to(store.root).as_posix()}" if log.exists() else note


def _unfounded(cells: Sequence[Planned]) -> list[str]:
    """Methods whose encoders the paper starts from ImageNet's weights, and this study does not."""
    trained = [one.cell for one in cells if one.cell.kind == "train" and one.cell.id]
    return list(
        dict.fromkeys(
            cell.method
            for cell in trained
            if METHODS[cell.method].load_backbone is not None and not cell.address["settings"].get("backbone")
        )
    )
