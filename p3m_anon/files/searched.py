"""What was looked for in the pictures of a run, and what the looks may have missed: figures from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.faces.pairing import Counts

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

MEGA = 1_000_000


class Searched(NamedTuple):
    """The smallest faces that were looked for.

    narrowest, widest: width in pixels, over all pictures. narrowest_in, widest_in: pixels of the largest picture in
    which faces of that width were looked for. unsearched: pictures at which one look worked alone, without a bound.
    """

    narrowest: float
    narrowest_in: int
    widest: float
    widest_in: int
    unsearched: int = 0

    def words(self) -> str:
        """Half a sentence, as in `from 12 px (up to 8 megapixels) to 21 px (24 megapixels)`."""
        said = f"from {self.narrowest:g} px (up to {_mega(self.narrowest_in)})"
        if self.widest > self.narrowest:
            said += f" to {self.widest:g} px ({_mega(self.widest_in)})"
        if self.unsearched:
            pictures = "1 picture" if self.unsearched == 1 else f"{self.unsearched} pictures"
            said += f"; no bound is known for {pictures}"
        return said


class Agreement(NamedTuple):
    """How far two looks agree. counts: of faces. alone: pictures at which one look worked alone; not in `counts`."""

    counts: Counts
    alone: int = 0

    def words(self) -> str:
        """The estimate of what neither look saw, and what it is worth."""
        one = self.counts
        pictures = "1 picture" if self.alone == 1 else f"{self.alone} pictures"
        alone = f" It says nothing of {pictures} at which one look worked alone." if self.alone else ""
        return (
            f"about {one.unseen:.1f} faces were seen by neither look, estimated (Chapman) from {one.both} that both"
            f" looks saw, {one.first} that only the first saw and {one.second} that only the second saw. The two looks"
            " are not independent in the statistical sense: both miss what is small, dark or turned away, so the"
            f" estimate is too low.{alone}"
        )


def searched(ledger: Ledger, *, released: bool = False) -> Searched | None:
    """The smallest faces that were looked for in the pictures of the last run; None if nothing says so.

    released: in released pictures only.
    """
    query = (
        "SELECT coalesce(json_extract(facts, '$.smallest_face'), 0.0) AS width, count(*),"
        " max(json_extract(facts, '$.width') * json_extract(facts, '$.height'))"
        f" FROM inputs WHERE {_looked_at(released)} GROUP BY width ORDER BY width"
    )
    found = ledger.db.execute(query, (ledger.run,)).fetchall()
    bound = [(float(width), int(pixels)) for width, _, pixels in found if width > 0]
    if not bound:
        return None
    unsearched = sum(count for width, count, _ in found if width <= 0)
    return Searched(*bound[0], *bound[-1], unsearched)


def second_looks(ledger: Ledger, *, released: bool = False) -> dict[str, int]:
    """Name of the second look (`none` without one) -> pictures of the last run."""
    query = (
        "SELECT coalesce(json_extract(versions, '$.second'), 'none'), count(*)"
        f" FROM inputs WHERE {_looked_at(released)} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return dict(ledger.db.execute(query, (ledger.run,)).fetchall())


def agreement(ledger: Ledger) -> Agreement | None:
    """How far the looks agree about the released pictures of the last run; None where no two looks are recorded."""
    query = (
        "SELECT json_type(facts, '$.second') IS 'array' AND json_type(facts, '$.seen_by') IS 'object' AS two,"
        " count(*), sum(json_extract(facts, '$.seen_by.both')), sum(json_extract(facts, '$.seen_by.first')),"
        f" sum(json_extract(facts, '$.seen_by.second')) FROM inputs WHERE {_looked_at(True)} GROUP BY two"
    )
    found = {bool(row[0]): row[1:] for row in ledger.db.execute(query, (ledger.run,))}
    if True not in found:
        return None
    _, both, first, second = found[True]
    return Agreement(Counts(both, first, second), found[False][0] if False in found else 0)


def _looked_at(released: bool) -> str:
    return f"seen = ? AND status {'=' if released else 'IN'} {_RELEASED if released else _JUDGED}"


_RELEASED, _JUDGED = "'accepted'", "('accepted', 'needs_review')"


def _mega(pixels: int) -> str:
    return f"{pixels / MEGA:.3g} megapixels"
