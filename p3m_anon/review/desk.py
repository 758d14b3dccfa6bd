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
    picture as it is now). 422: it needs a confirmation (more: `uncovered`, list of {sighting, covered}: indices into
    the picture's sightings of which the decision masks too little, and the share that it masks; lost: share of a drawn
    place that the soft edge takes, or 0).
    """

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status, self.more = status, more


class Sheets(Protocol):
    """Sheets of thumbnails, on which a person says of many pictures at once that they show no identifiable face.

    Called from several threads at once. Every method may raise Refused.
    """

    def draw(self, asked: Json) -> Json:
        """Draw a sheet of the pictures that come next, with a control among them.

        asked {visit, fresh, filter, width, height, dense}: visit: null, or what an earlier answer named; with `fresh`,
        and for another filter or window, a new visit takes its place, and the sheets of the old one come again.
        filter: `todo` or `reason:<code>`. width, height: room for the sheet in CSS pixels; dense: device pixels for
        each. The answer: {visit, sheet, left}. sheet: null where no picture is left that may be offered, else {sheet,
        rows, stacked}: its name, and rows of tiles {tile, images}, each a thumbnail and its crops {name, width,
        height}, in CSS pixels; stacked: how many crops lie above each other. Names are random and say nothing. left:
        {complete, waiting, singly}: pictures that wait for a sheet, and a list of {why, pictures} of those that are
        left to the single page; of those known so far, unless it is complete.
        """
        ...

    def image(self, name: str) -> bytes:
        """One image of a sheet as JPEG."""
        ...

    def answer(self, asked: Json) -> Json:
        """Accept a sheet: all pictures that are not marked show no identifiable face.

        asked {sheet, who, marked, tiles, seconds}: marked: names of tiles; tiles: for each tile {tile, loaded, seen}:
        its images were loaded, and all of it was in view; seconds: for which it was shown. Refused with 400, and the
        sheet stays open, unless every tile was loaded, in view, and fetched from here; with 409 if it is not open. The
        answer: {state, answered, marked, changed, sheet}. state: `accepted`; `failed`: the control was not marked;
        `changed`: so many files are not those that were shown. In the last two nothing was answered, and `sheet` has
        the same pictures with another control (null if none is left).
        """
        ...


class Desk(Protocol):
    """Called from several threads at once. Every method may raise Refused."""

    @property
    def sheets(self) -> Sheets:
        """Pictures many at a time."""
        ...

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
        null. title: the reason in plain words. detail: what figures add
        to it. error: null, or why the file cannot be shown. version: of the decision,
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

        {image: data URL of that window, as in `image`; uncovered: list of {sighting, covered}: index of each sighting
        of which the shapes cover too little, and the share of it that they cover; area: share of the picture that is
        masked; background: null without a matte, else {area, image}: share of the picture that is background and is
        masked, and a data URL of a PNG that is coloured there}.
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
