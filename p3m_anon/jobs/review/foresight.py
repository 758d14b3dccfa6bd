"""What the next `blur` will say against an answer, before the answer is taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.errors import ImageError
from p3m_anon.faces.judge import Ruling, judge, ranked
from p3m_anon.faces.matte import matte_findings
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.files.alphas import MOSTLY_GREY, alpha_findings, orient_alpha, read_alpha
from p3m_anon.files.folders import walk_stems
from p3m_anon.files.images import read
from p3m_anon.jobs.blur.facts import mismatch
from p3m_anon.jobs.blur.inputs import make_task
from p3m_anon.jobs.review.sightings import sight_of

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels
    from p3m_anon.faces.drawn import ManualRegions
    from p3m_anon.files.images import Decoded
    from p3m_anon.files.ledger import Ledger
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.blur.inputs import Folders
    from p3m_anon.jobs.blur.request import BlurRequest
    from p3m_anon.jobs.blur.tasks import Task


class Foresight:
    """Judges answers as `blur` will, from what the ledger has of the looks; for the ledger's thread.

    Args:
        request: what the last `blur` was asked.
        folders: where it read and wrote.
        ledger: open; what lies beside the pictures now is noted in it, temporarily.
    """

    def __init__(self, request: BlurRequest, folders: Folders, ledger: Ledger) -> None:
        self._request, self._folders, self._ledger = request, folders, ledger
        ledger.companions(
            (role, stem, str(path))
            for role, folder in folders.beside.items()
            for stem, path in walk_stems(folder, role)
            if _is_text(path)
        )

    def is_current(self, row: Row) -> bool:
        """Whether the looks at a picture were those of this version, with the settings of the last run."""
        return bool(row.facts.get("settings_digest") == self._request.settings.digest())

    def read(self, row: Row) -> Decoded | None:
        """The picture, if it is the file that the looks saw."""
        known = next((one.sha256 for one in row.sources if one.role == "image"), None)
        try:
            decoded = read(self._folders.pictures / row.path, max_pixels=self._request.max_pixels)
        except ImageError:
            return None
        return decoded if decoded.sha256 == known else None

    def findings(
        self, row: Row, decoded: Decoded, ruling: Ruling, drawn: ManualRegions | None = None
    ) -> tuple[Finding, ...]:
        """What will speak against a picture with this answer, worst first; empty if it will be released."""
        task = make_task(self._request, self._folders, self._ledger, row)
        size = decoded.size[1], decoded.size[0]
        found = [] if task.problem is None else [task.problem]
        alpha, problem = _alpha(task, decoded, row)
        found += [] if problem is None else [problem]
        settings = self._request.settings
        judged = judge(size, sight_of(row), alpha, settings, drawn=drawn, decision=ruling)
        if alpha is not None:
            found += matte_findings(alpha, decoded.rgb, judged.masks, settings)
        return ranked([*found, *judged.findings])


def _alpha(task: Task, decoded: Decoded, row: Row) -> tuple[AlphaPixels | None, Finding | None]:
    """The matte as `blur` will turn it, or why it will not take it."""
    if "alpha" not in task.files:
        return None, None
    try:
        found = read_alpha(task.files["alpha"]).pixels
    except ImageError as error:
        return None, Finding(Reason.ALPHA_MISMATCH, str(error))
    boxes = [face.box for face in sight_of(row).faces]
    alpha = orient_alpha(found, decoded.size, decoded.stored_size, decoded.orientation, boxes)
    if alpha is None:
        return None, Finding(Reason.ALPHA_MISMATCH, mismatch(found, (decoded.size[1], decoded.size[0])))
    if MOSTLY_GREY in alpha_findings(alpha):
        return alpha, Finding(Reason.ALPHA_MISMATCH, f"the alpha is {MOSTLY_GREY}")
    return alpha, None


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
