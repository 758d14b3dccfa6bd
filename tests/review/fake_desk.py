"""A desk in memory, over pictures that the test makes or names: what the page and the server are tested with."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from p3m_anon.faces.shapes import draw, shapes_from_json
from p3m_anon.review.desk import Json, Refused
from tests.review.fake_sheets import FakeSheets

DECIDED = ("mask", "no_face", "normal", "exclude")
REASONS = {
    "no_face": ("No face was found.", ""),
    "detectors_disagree": ("The looks disagree.", "1 face was seen by the second look only"),
}


def drawn_picture(number: int, size: tuple[int, int]) -> Image.Image:
    """A gradient with a grid of its own colour: no two places and no two pictures look alike."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    grid = 60 * ((x // 40 + y // 40) % 2)
    planes = [x * 190 // size[0] + grid, y * 190 // size[1] + grid, np.full_like(x, 40 * number % 200) + grid]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8), "RGB")


def sighting(box: tuple[float, float, float, float], by: str) -> Json:
    return {"box": list(box), "score": 0.9, "by": by, "outline": None, "decision": None}


class FakeDesk:
    """Keeps to the contract of `Desk` as far as the page can tell.

    sightings: the boxes that a look saw, for each picture; every one has an ellipse as its suggestion.
    `starts`: what is masked in pictures that are released. `changed`: pictures whose file the detectors did not see.
    """

    def __init__(self, pictures: dict[str, Image.Image], sightings: dict[str, list[Json]] | None = None) -> None:
        self.pictures, self.sightings = pictures, sightings or {}
        self.decisions: dict[str, Json] = {}
        self.versions = dict.fromkeys(pictures, 0)
        self.asked: list[Json] = []
        self.previews: list[Json] = []
        self.left = 0
        self.looked: set[str] = set()  # in the sample check
        self.sampling = False
        self.starts: dict[str, list[Json]] = {}
        self.changed: set[str] = set()
        self.enough = 0.6  # of a place that looks like a face, to be masked
        self.sheets = FakeSheets(self)
        self.lost = 0.0  # what the soft edge takes of every drawing
        self.texts: dict[str, Json] = {}

    @classmethod
    def of_files(cls, files: list[Path], sightings: dict[str, list[Json]]) -> FakeDesk:
        return cls({file.name: Image.open(file).convert("RGB") for file in files}, sightings)

    def _reason(self, path: str) -> str:
        return "detectors_disagree" if self.sightings.get(path) else "no_face"

    def _in(self, wanted: str) -> list[str]:
        def belongs(path: str) -> bool:
            verdict = self._verdict(path)
            if wanted == "released" or path in self.starts:
                return wanted in ("released", "sample") and self._is_released(path)
            if wanted.startswith("reason:"):
                return self._reason(path) == wanted.removeprefix("reason:")
            return {
                "todo": verdict != "skip",
                "later": verdict == "skip",
                "decided": verdict in DECIDED,
                "sample": self.sampling,
            }.get(wanted, False)

        return [path for path in sorted(self.pictures) if belongs(path)]

    def _verdict(self, path: str) -> str | None:
        """Of the decision, where it holds."""
        made = self.decisions.get(path)
        return None if made is None or made["lapsed"] or made["sent_back"] else made["verdict"]

    def _is_released(self, path: str) -> bool:
        made = self.decisions.get(path)
        written = made is not None and made["written"] and self._verdict(path) in ("mask", "no_face", "normal")
        return self.sampling or written or path in self.starts

    def _is_open(self, path: str, wanted: str) -> bool:
        if wanted in ("decided", "released", "failed"):
            return False
        return path not in self.looked if wanted == "sample" else wanted == "later" or self._verdict(path) is None

    def state(self) -> Json:
        labels = {"todo": "Waiting for you", "later": "Skipped for now", "decided": "Decided", "released": "Released"}
        if self.sampling:
            labels = {"sample": "Sample check", **labels}
        keys = [*labels, *(f"reason:{reason}" for reason in sorted({self._reason(path) for path in self.pictures}))]
        filters = [
            {
                "key": key,
                "label": labels.get(key) or REASONS[key.removeprefix("reason:")][0],
                "hint": "pictures of this kind",
                "total": len(self._in(key)),
                "open": len([path for path in self._in(key) if self._is_open(path, key)]),
            }
            for key in keys
        ]
        done = len(self._in("decided"))
        return {
            "who": "Ada", "version": "0", "out": "release", "filters": filters,
            "sample": self._sample() if self.sampling else None,
            "unwritten": sum(not self.decisions[path]["written"] for path in self._in("decided")),
            "progress": {"decided": done, "total": len(self.pictures)},
            "bases": [{"key": "consent", "label": "Consent"}, {"key": "public_figure", "label": "Public figure"}],
        }  # fmt: skip

    def _sample(self) -> Json:
        size, answered = len(self.pictures), len(self.looked)
        said = f"0 of {size} missed; at most 3/{size} of all are, at 95 %" if answered == size else None
        return {
            "size": size, "answered": answered, "missed": 0, "population": 1000, "statement": said,
            "finished": said is not None, "seed": 7, "continued": False,
        }  # fmt: skip

    def queue(self, wanted: str, after: str | None, limit: int, find: str = "") -> Json:
        paths = [path for path in self._in(wanted) if path > (after or "") and find in path]
        rows = [
            {
                "path": path, "id": path.partition(".")[0], "status": "needs_review", "reason": self._reason(path),
                "verdict": self._verdict(path), "open": self._is_open(path, wanted),
            }
            for path in paths[:limit]
        ]  # fmt: skip
        return {"rows": rows, "more": len(paths) > limit}

    def picture(self, path: str, wanted: str) -> Json:
        if path not in self.pictures:
            raise Refused(404, f"no picture {path}")
        here = self._in(wanted)
        before, behind = [p for p in here if p < path], [p for p in here if p > path]
        changed = path in self.changed
        reason, seen = self._reason(path), [] if changed else self.sightings.get(path, [])
        title, detail = REASONS[reason]
        size = self.pictures[path].size
        facts = {
            "path": path, "id": path.partition(".")[0], "status": "needs_review", "reason": reason, "title": title,
            "detail": detail, "width": size[0], "height": size[1], "sha256": f"digest of {path}", "error": None,
            "version": self.versions[path], "released": self._is_released(path), "sightings": seen,
            "start": [] if changed else self.starts.get(path, []), "changed": changed,
            "suggestions": [
                {"kind": "ellipse", "points": [one["box"][:2], one["box"][2:]], "sighting": number}
                for number, one in enumerate(seen)
            ],
            "transition": True, "decision": self.decisions.get(path),
            "sampled": "covered" if path in self.looked else None, "previous": before[-1] if before else None,
            "next": behind[0] if behind else None, "place": here.index(path) + 1 if path in here else None,
            "total": len(here),
        }  # fmt: skip
        return {**facts, **self.texts.get(path, {})}

    def image(self, path: str, which: str, window: tuple[int, int, int, int], width: int) -> bytes:
        x, y, w, h = window
        return _encoded(_scaled(self.pictures[path].crop((x, y, x + w, y + h)), width), "JPEG")

    def transition(self, path: str, width: int) -> bytes:
        size = self.pictures[path].size
        layer = np.zeros((size[1], size[0], 4), np.uint8)
        layer[: size[1] // 4, :, :] = (217, 70, 239, 110)
        return _encoded(_scaled(Image.fromarray(layer), width), "PNG")

    def _uncovered(self, path: str, mask: Any) -> list[Json]:
        def covered(box: list[float]) -> float:
            x0, y0, x1, y1 = (round(value) for value in box)
            return float(mask[y0:y1, x0:x1].mean())

        shares = [covered(one["box"]) for one in self.sightings.get(path, [])]
        return [{"sighting": n, "covered": share} for n, share in enumerate(shares) if share < self.enough]

    def preview(self, asked: Json) -> Json:
        self.previews.append(asked)
        picture = self.pictures[asked["path"]]
        mask = draw(shapes_from_json(asked["shapes"]), picture.size)
        blurred = picture.filter(ImageFilter.GaussianBlur(25))
        picture = Image.composite(blurred, picture, Image.fromarray(mask.astype(np.uint8) * 255))
        x, y, w, h = asked["window"]
        content = _encoded(_scaled(picture.crop((x, y, x + w, y + h)), asked["width"]), "JPEG")
        url = "data:image/jpeg;base64," + base64.b64encode(content).decode()
        behind = np.zeros((*mask.shape, 4), np.uint8)
        behind[mask & (np.arange(picture.width) < picture.width // 2)] = (255, 140, 0, 120)
        layer = _encoded(_scaled(Image.fromarray(behind).crop((x, y, x + w, y + h)), asked["width"]), "PNG")
        background = {
            "image": "data:image/png;base64," + base64.b64encode(layer).decode(),
            "area": float((behind[..., 3] > 0).mean()),
        }
        left = self._uncovered(asked["path"], mask)
        return {"image": url, "uncovered": left, "area": float(mask.mean()), "background": background}

    def decide(self, asked: Json) -> Json:
        self.asked.append(asked)
        path, verdict = asked["path"], asked["verdict"]
        if asked["version"] != self.versions[path]:
            raise Refused(409, "somebody else has decided", now=self.picture(path, asked["filter"]))
        if asked["sha256"] != self.picture(path, asked["filter"])["sha256"]:
            raise Refused(409, "the file has changed since it was shown", now=self.picture(path, asked["filter"]))
        if path in self.changed and verdict not in ("exclude", "skip", "open"):
            raise Refused(400, "the file has changed since the detectors looked at it")
        mask = draw(shapes_from_json(asked["shapes"]), self.pictures[path].size)
        missed = self._uncovered(path, mask) if verdict in ("mask", "no_face") else []
        unseen = [n for n in missed if self.sightings[path][n["sighting"]]["box"] not in asked["confirmed"]]
        lost = self.lost if asked["shapes"] and not asked["as_drawn"] and not asked["accepts_loss"] else 0.0
        if unseen or lost:
            raise Refused(422, "what is drawn leaves something clear", uncovered=missed if unseen else [], lost=lost)
        if verdict == "covered":
            self.looked.add(path)
        else:
            self.put(path, asked)
        return {"picture": self.picture(path, asked["filter"]), "state": self.state()}

    def put(self, path: str, asked: Json) -> None:
        """What somebody decided, also behind the back of the page."""
        names = ("verdict", "shapes", "as_drawn", "basis", "reference", "note", "who")
        made = {name: asked.get(name) for name in names}
        self.versions[path] += 1
        if asked["verdict"] == "open":
            self.decisions.pop(path, None)
        else:
            at = "2024-05-01T12:00:00+00:00"
            self.decisions[path] = {**made, "at": at, "written": False, "lapsed": False, "sent_back": False}

    def write(self) -> Json:
        self.left = 2
        return self.writing()

    def writing(self) -> Json:
        if not self.left:
            return {"running": False, "done": 0, "total": 0, "message": "", "error": None}
        self.left -= 1
        if self.left:
            return {"running": True, "done": 1, "total": 2, "message": "1 of 2 pictures", "error": None}
        for decision in self.decisions.values():
            decision["written"] = True
        return {"running": False, "done": 2, "total": 2, "message": "2 released", "error": None}


def _scaled(picture: Image.Image, width: int) -> Image.Image:
    if width >= picture.width:
        return picture
    return picture.resize((width, max(round(picture.height * width / picture.width), 1)))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind)
    return stream.getvalue()
