"""One picture of an evaluation: read, predicted if need be, scored, drawn. Its errors become its row."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from p3m_anon.engines.local import Early
from p3m_anon.errors import ImageError, WeightsError
from p3m_anon.evaluation.rows import EvalRow, digest_of
from p3m_anon.files.alphas import Alpha, read_alpha
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.images import read
from p3m_anon.jobs.eval.files import encodable
from p3m_anon.jobs.eval.inputs import Picture
from p3m_anon.matting.pairs import restricted
from p3m_anon.matting.scores import score
from p3m_anon.matting.trimap import UNKNOWN, published_trimap
from p3m_anon.reports.eval_panel import eval_panel

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, AlphaPixels
    from p3m_anon.matting.trimap import Trimap

KERNEL = 25
MADE = f"published {KERNEL}"
"""What a row says of a trimap that was made here, as `p3m-anon trimap` makes it."""

GIVEN = "dataset"
_CLEAR = "its face was left as it is, and B tests on blurred pictures only"
_MATTE = "from a folder"  # in place of a predictor's digest


class Predictor(Protocol):
    """Makes mattes. digest: of everything that they depend on, besides the picture."""

    @property
    def digest(self) -> str: ...
    def predict(self, rgb: RGB, trimap: Trimap | None) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True)
class Task:
    """A picture to score. prediction: its matte, in the absence of a predictor. digest: of the row that is there, and
    image_sha256 the picture that its panel shows."""

    picture: Picture
    prediction: Path | None = None
    digest: str = ""
    image_sha256: str = ""
    problem: str = ""


class Result(NamedTuple):
    """A finished picture. row: None where the one that is there is right."""

    id: str
    row: EvalRow | None
    panel: bytes = b""


@dataclass(eq=False)
class Loaded:
    """A picture in memory. trimap: as in its file, else made. prediction: (H, W) in [0, 1], once it is there."""

    picture: Picture
    row: EvalRow
    rgb: RGB | None
    alpha: AlphaPixels
    trimap: Trimap
    prediction: npt.NDArray[np.floating] | None = None


@dataclass(frozen=True)
class PictureJob:
    """The stages of one picture, the same for all. base: what all rows say. restrict: to the trimap's unknown area."""

    base: EvalRow
    restrict: bool
    predictor: Predictor | None
    needs_trimap: bool = False

    def whole(self, task: Task) -> Result:
        """All stages of one picture."""
        loaded = self.load(task)
        if isinstance(loaded, Early):
            return loaded.result
        (seen,) = self.look([loaded])
        return self.finish(seen)

    def settled(self, task: Task) -> Result | None:
        """The result where nothing needs to be made: it is scored already, or it cannot be."""
        try:
            if problem := obstacle(task):
                raise ImageError(problem)
            return Result(task.picture.id, None) if task.digest and self._is_done(task) else None
        except ImageError as error:
            return self.failed(task.picture, error)

    def load(self, task: Task) -> Loaded | Early[Result]:
        """Everything that is on disk; ends early for what is settled, and for what cannot be read."""
        if (settled := self.settled(task)) is not None:
            return Early(settled)
        try:
            return self._loaded(task)
        except (ImageError, MemoryError) as error:
            return Early(self.failed(task.picture, error))

    def look(self, loaded: list[Loaded]) -> list[Loaded | Result]:
        """The mattes of a predictor, one after the other."""
        return [self._predicted(one) if self.predictor is not None else one for one in loaded]

    def finish(self, seen: Loaded | Result) -> Result:
        """The figures, and the panel."""
        if isinstance(seen, Result):
            return seen
        assert seen.prediction is not None
        alpha = unit(seen.alpha)
        try:
            prediction = restricted(seen.prediction, seen.trimap) if self.restrict else seen.prediction
            scores = score(prediction, alpha, seen.trimap)
            panel = eval_panel(seen.rgb, alpha, prediction)
        except (ValueError, MemoryError) as error:  # nan in a prediction, a trimap with other values
            return self.failed(seen.picture, error)
        row = seen.row
        key = row.prediction_sha256 if self.predictor is None else row.image_sha256
        digest = self._digest(key, row.alpha_sha256, row.trimap_sha256)
        return Result(row.id, replace(row, **scores._asdict(), digest=digest), panel)

    def _loaded(self, task: Task) -> Loaded:
        picture = task.picture
        assert picture.alpha is not None
        alpha = _read(picture.alpha, "alpha", picture)
        trimap = _read(picture.trimap, "trimap", picture) if picture.trimap else None
        if trimap is not None:
            _fit("trimap", trimap.pixels, alpha.pixels)
        row = replace(
            self.base,
            id=picture.id,
            trimap=GIVEN if trimap else MADE,
            alpha_sha256=alpha.sha256,
            trimap_sha256=trimap.sha256 if trimap else "",
        )
        known = _levels(trimap) if trimap else published_trimap(alpha.pixels, KERNEL)
        if self.predictor is not None:
            return self._with_image(Loaded(picture, row, None, alpha.pixels, known))
        assert task.prediction is not None
        matte = read_alpha(task.prediction)
        _fit("prediction", matte.pixels, alpha.pixels)
        rgb, image_sha256 = _shown(picture)
        row = replace(row, prediction_sha256=matte.sha256, image_sha256=image_sha256)
        return Loaded(picture, row, rgb, alpha.pixels, known, unit(matte.pixels))

    def _with_image(self, loaded: Loaded) -> Loaded:
        picture = loaded.picture
        if picture.image is None:
            raise ImageError("no picture of this name")
        image = read(picture.image)
        _check("image", image.sha256, picture)
        loaded.rgb = image.rgb
        _fit("image", loaded.rgb[..., 0], loaded.alpha)
        loaded.row = replace(loaded.row, image_sha256=image.sha256)
        return loaded

    def _predicted(self, loaded: Loaded) -> Loaded | Result:
        assert self.predictor is not None
        assert loaded.rgb is not None
        start = time.monotonic()
        try:
            matte = self.predictor.predict(loaded.rgb, loaded.trimap if self.needs_trimap else None)
            _fit("prediction", matte, loaded.alpha)
        except (ImageError, WeightsError, ValueError, MemoryError) as error:  # too large, too small, not finite
            return self.failed(loaded.picture, error)
        digest = hashlib.sha256(matte.tobytes()).hexdigest()
        loaded.row = replace(loaded.row, prediction_sha256=digest, seconds=time.monotonic() - start)
        loaded.prediction = matte
        return loaded

    def _is_done(self, task: Task) -> bool:
        """Whether the row that is there is of the files as they are now. Raises ImageError as `_check` does."""
        picture = task.picture
        key, file = ("prediction", task.prediction) if self.predictor is None else ("image", picture.image)
        files = {key: file, "alpha": picture.alpha, "trimap": picture.trimap}
        try:
            found = {role: _hashed(path) for role, path in files.items() if path is not None}
        except OSError:
            return False  # reading it says what is wrong
        for role, sha256 in found.items():
            _check(role, sha256, picture)
        if self.predictor is None and task.image_sha256 != _image_of(picture):
            return False  # the panel must not outlive the picture
        return task.digest == self._digest(found.get(key, ""), found.get("alpha", ""), found.get("trimap", ""))

    def _digest(self, key: str, alpha: str, trimap: str) -> str:
        """Of a row. key: sha256 of the matte's file, or of the picture that it is made of."""
        maker = self.predictor.digest if self.predictor is not None else _MATTE
        return digest_of(maker, key, alpha, trimap or MADE, "transition" if self.restrict else "whole")

    def failed(self, picture: Picture, error: Exception) -> Result:
        """The row of a picture that has no score."""
        text = encodable(" ".join(str(error).split()))
        if isinstance(error, MemoryError):
            text = "not enough memory for it; close other programs, or use fewer --workers"
        return Result(picture.id, replace(self.base, id=picture.id, error=text or type(error).__name__))


def obstacle(task: Task) -> str:
    """Why a picture cannot be scored, as far as the dataset's list and the names of the files tell; else ""."""
    return task.picture.problem or (_CLEAR if task.picture.face == "clear" else task.problem)


def area_of(picture: Picture) -> tuple[int, int]:
    """How many pixels it has, and how many of them are unknown. Raises ImageError for a file that does not do."""
    if picture.trimap is not None:
        trimap = _levels(_read(picture.trimap, "trimap", picture))
    else:
        assert picture.alpha is not None
        trimap = published_trimap(_read(picture.alpha, "alpha", picture).pixels, KERNEL)
    return trimap.size, int(np.count_nonzero(trimap == UNKNOWN))


def unit(pixels: AlphaPixels) -> npt.NDArray[np.float64]:
    """uint8 or uint16 (H, W) as float64 in [0, 1]."""
    return pixels / float(np.iinfo(pixels.dtype).max)


def _read(path: Path, role: str, picture: Picture) -> Alpha:
    try:
        alpha = read_alpha(path)
    except ImageError as error:
        raise ImageError(f"{role} {error}") from error
    _check(role, alpha.sha256, picture)
    return alpha


def _levels(trimap: Alpha) -> Trimap:
    if trimap.pixels.dtype != np.uint8:
        raise ImageError("the trimap has 16 bits; a trimap has the values 0, 128 and 255")
    return trimap.pixels.astype(np.uint8, copy=False)


def _check(role: str, sha256: str, picture: Picture) -> None:
    """Raises ImageError for a file that is not the listed one, and for an original that is the blurred picture."""
    if picture.listed.get(role, sha256) != sha256:
        raise ImageError(f"the {role} is not the file that the manifest lists; p3m-anon manifest verify says more")
    if role == "image" and sha256 == picture.blurred:
        raise ImageError("its original is the blurred picture itself; name the folder of clear ones with --originals")


def _fit(role: str, pixels: npt.NDArray[np.generic], alpha: AlphaPixels) -> None:
    if pixels.shape != alpha.shape:
        size, wanted = (" x ".join(map(str, one.shape[::-1])) for one in (pixels, alpha))
        raise ImageError(f"the {role} has {size} pixels, the alpha {wanted}; nothing is resized here")


def _shown(picture: Picture) -> tuple[RGB | None, str]:
    """The picture for the page only, and its `_image_of`: what is wrong with it does not touch the figures."""
    try:
        image = read(picture.image) if picture.image is not None else None
    except ImageError:
        return None, _image_of(picture)
    if image is None or picture.listed.get("image", image.sha256) != image.sha256:
        return None, ""  # nobody knows what it shows
    return image.rgb, image.sha256


def _image_of(picture: Picture) -> str:
    """sha256 of the picture beside a matte from a folder; "" for one that is not there or not the listed one."""
    try:
        sha256 = _hashed(picture.image) if picture.image is not None else ""
    except OSError:
        return ""
    return sha256 if picture.listed.get("image", sha256) == sha256 else ""


def _hashed(path: Path) -> str:
    return file_sha256(os.path.realpath(path))
