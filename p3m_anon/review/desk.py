"""What the review page can do to data: a protocol, filled by `jobs.review`.

All values that go to the page and come from it are plain JSON. Coordinates are pixels of the upright picture at full
size, counted from the corner of the first pixel, x before y.
"""

from __future__ import annotations

from typing import Any, Protocol

from p3m_anon.errors import P3MError

Json = dict[str, Any]


class Refused(P3MError):
    """The page asked for something that cannot be done; `status` is the HTTP status, `more` goes with the message.

    400: not understood. 404: no such picture. 409: somebody else has decided in the meantime (more: `now`, the
    picture as it is now). 422: it needs a confirmation (more: `sightings`, indices into the picture's sightings that
    the decision leaves uncovered; lost: share of a drawn place that the soft edge takes, or 0).
    """

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status, self.more = status, more


class Desk(Protocol):
    """Called from several threads at once. Every method may raise Refused."""

    def state(self) -> Json:
        """What the whole page shows.

        who: the reviewer's name to begin with. version: of p3m-anon. out: name of the release folder.
        filters: list of {key, label, hint, total, open}: keys are `todo` (all that wait), `reason:<code>`, `later`
        (skipped), `decided`, `released`, `failed`, and `sample` in a sample check. `total` pictures match, `open`
        of them still need an answer. unwritten: how many decisions `blur` has not carried out yet. progress:
        {decided, total}. sample: null or {size, answered, missed, population, statement, finished, seed, continued};
        continued: an unfinished check goes on. bases: list of {key, label} of release bases. `decided` does not list
        pictures whose answer did not hold.
        """
        ...

    def queue(self, wanted: str, after: str | None, limit: int, find: str = "") -> Json:
        """Pictures of a filter in path order, from behind `after`, whose id contains `find`.

        {rows: [{path, id, status, reason, verdict, open}], more: bool}; verdict: that of the decision, null without
        one and where it does not hold (see `picture`); open: it still needs an answer in this filter (always in
        `later`; in `sample`: not looked at yet).
        """
        ...

    def picture(self, path: str, wanted: str) -> Json:
        """One picture, and its neighbours in a filter.

        {path, id, status, reason, title, detail, width, height, sha256, error, version, released, sightings,
        suggestions, start, changed, transition, decision, sampled, previous, next, place, total}. reason: its code, or
        null. title: the reason in plain words. error: null, or why the file cannot be shown. version: of the decision,
        0 without one. released: there is a released file to show. sightings: list of {box, score, by, outline,
        decision}: what any look saw; box: x0, y0, x1, y1; by: `first`, `second` or `both`; outline: list of points or
        null. suggestions: shapes (see `faces.shapes`) that would mask sightings, with `sighting`, its index. start:
        shapes with which the drawing begins: what is masked in the released picture, which a mask that is saved
        replaces as a whole; for other pictures none. changed: the file is not the one that the detectors saw; then
        there are no sightings, suggestions and start, and only `exclude` and `skip` can be decided. transition: there
        is a transition layer. decision: null or {verdict, shapes, as_drawn, basis, reference, note, who, at, written,
        lapsed, sent_back}; lapsed: it was made about other bytes; sent_back: it was carried out and did not hold, so
        the picture waits again, for the reason that `reason` and `detail` give. sampled: null, or the answer in the
        sample check, `covered` or `missed`. previous, next: paths or null. place, total: position in the filter, from
        1; place is null if the picture is not (any more) in it.
        """
        ...

    def image(self, path: str, which: str, window: tuple[int, int, int, int], width: int) -> bytes:
        """A window (x, y, w, h) of the picture as JPEG, `width` pixels wide or less, never enlarged.

        which: `original` or `released`.
        """
        ...

    def transition(self, path: str, width: int) -> bytes:
        """The transition region of the whole picture as PNG, coloured where it is and clear elsewhere."""
        ...

    def preview(self, asked: Json) -> Json:
        """What `blur` would make of shapes: asked {path, shapes, as_drawn, window: [x, y, w, h], width}.

        {image: data URL of that window, as in `image`; uncovered: indices of sightings that the shapes leave
        uncovered; area: share of the picture that is masked}.
        """
        ...

    def decide(self, asked: Json) -> Json:
        """Write a decision at once.

        asked {path, sha256, version, who, verdict, shapes, as_drawn, basis, reference, note, confirmed, accepts_loss,
        filter}: sha256 and version as `picture` gave them; verdict: `mask` (needs shapes), `no_face`, `normal` (may
        stay: needs basis and reference, null otherwise; shapes for what is blurred all the same), `exclude`, `skip`,
        `open` (takes a decision back), `covered` (in a sample check: every face is masked). confirmed: list of boxes,
        as in sightings, that the person was shown uncovered and says need no mask. accepts_loss: the person was told
        what the soft edge takes. The answer: {picture: as from `picture`, state: as from `state`}. Refused with 400
        where `picture` says `changed`, but for `exclude`, `skip` and `open`.
        """
        ...

    def write(self) -> Json:
        """Begin to carry out all decisions, as `blur` would; the answer is that of `writing`."""
        ...

    def writing(self) -> Json:
        """{running, done, total, message, error}: how far `write` is; total is 0 before it has begun to count.

        message: at the end what came of it, as "6 released, 3 left out, 1 sent back".
        """
        ...
