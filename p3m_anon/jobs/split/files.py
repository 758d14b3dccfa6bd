"""Puts the files of a plan where they belong: the dataset's under its root, originals into the private folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from p3m_anon.dataset import layout
from p3m_anon.dataset.rows import Split
from p3m_anon.errors import ImageError, Stopped
from p3m_anon.files.place import Link, is_placed, place_file
from p3m_anon.jobs.split.plan import Picture, Plan

ORIGINALS = "originals"
_PORTION = 256  # pictures that are under way at once
_NAMED = 20


class Copy(NamedTuple):
    """A file to be placed."""

    source: Path
    target: Path
    size: int
    sha256: str
    private: bool


@dataclass(frozen=True)
class Places:
    """The folders of a split. releases: by the name of the origin. originals: whether they are placed, too."""

    root: Path
    private: Path
    releases: dict[str, Path]
    originals: bool
    link: Link | Literal["auto"]

    def released(self, picture: Picture) -> Iterator[Copy]:
        """Image and alpha."""
        release = self.releases[picture.origin]
        for role, file, size in (
            ("image", picture.image, picture.image_size),
            ("alpha", picture.alpha, picture.alpha_size),
        ):
            yield Copy(release / file, self.root / picture.row[role], size, picture.row[f"{role}_sha256"], False)

    def original(self, picture: Picture) -> Copy | None:
        """The clear original of a picture of train or P3M-500-P, if it is to be placed and known."""
        if not self.originals or picture.split == "P3M-500-NP" or picture.source is None:
            return None
        assert picture.source_size is not None
        assert picture.source_sha256 is not None
        ending = PurePosixPath(picture.source).suffix.lower()
        target = self.private / ORIGINALS / picture.split / f"{picture.id}{ending}"
        return Copy(Path(picture.source), target, picture.source_size, picture.source_sha256, True)


@dataclass
class Placed:
    """placed: way -> files placed now. originals: how many are there. lost: originals that are gone or changed."""

    placed: Counter[str]
    originals: int = 0
    lost: int = 0


def named_files(split: Split, id_: str, image: str) -> tuple[str, str]:
    """Where a picture's image and alpha lie below the root; image: its file in the release."""
    ending = PurePosixPath(image).suffix
    return f"{layout.folder(split, 'image')}/{id_}{ending}", f"{layout.folder(split, 'alpha')}/{id_}.png"


def place_all(plan: Plan, places: Places, on_picture: Callable[[], None]) -> Placed:
    """Place what is not there yet; files that are there with their size are taken for done.

    Raises Stopped, when all others are placed, if files of the release are gone or not those of its ledger.
    """
    done, wrong = Placed(Counter()), []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        waiting = plan.pictures()
        while portion := list(islice(waiting, _PORTION)):
            for problem, ways, original in pool.map(lambda one: _place(places, one), portion):
                wrong += [problem] if problem else []
                done.placed.update(ways)
                done.originals += original is True
                done.lost += original is False
                on_picture()
    if wrong:
        more = f", and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise Stopped(
            f"{len(wrong)} pictures of the release are not as its ledger says: {'; '.join(wrong[:_NAMED])}{more}. The"
            " dataset is not finished: restore the files and run the same command again, or run `p3m-anon blur` and"
            " split into a new --out"
        )
    return done


def _place(places: Places, picture: Picture) -> tuple[str | None, list[str], bool | None]:
    """What is wrong with the release, how files were placed, and whether the original is there (None: not wanted)."""
    ways: list[str] = []
    try:
        for copy in places.released(picture):
            ways += _place_one(copy, places)
    except ImageError as error:
        return str(error), ways, None
    original = places.original(picture)
    if original is None:
        return None, ways, None
    try:
        _place_one(original, places)
    except ImageError:
        return None, ways, False
    return None, ways, True


def _place_one(copy: Copy, places: Places) -> list[str]:
    if is_placed(copy.target, copy.size):
        return []
    return [place_file(copy.source, copy.target, copy.sha256, places.link, private=copy.private)]
