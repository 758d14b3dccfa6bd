"""What a face embedder wants to be given: each network has its own input; another one gives numbers without meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from p3m_anon.faces.align import aligned, five_points

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Landmarks

Triple = tuple[float, float, float]
MOST_PIXELS = 1024  # of a side


@dataclass(frozen=True)
class FaceInput:
    """How a picture becomes an embedder's input, float32 (1, 3, side, side), and what its output means.

    colours: order of the channels. highest: what 255 becomes, 1 or 255. mean, std: subtracted, then divided by, one
    per channel in that order and range. margin: added to ArcFace's aligned crop on each side, as a share of its width.
    mirrored: the embeddings of the crop and of its mirror image are added. same_person: cosine from which two faces are
    taken for one person's.
    """

    side: int
    colours: Literal["rgb", "bgr"]
    highest: float
    mean: Triple
    std: Triple
    margin: float
    mirrored: bool
    same_person: float

    def __post_init__(self) -> None:
        """Refuse what cannot be the input of a network. Raises ValueError with the field's name."""
        if not 8 <= self.side <= MOST_PIXELS:
            raise ValueError(f"side must be between 8 and {MOST_PIXELS} pixels, got {self.side}")
        if self.colours not in ("rgb", "bgr"):
            raise ValueError(f'colours must be "rgb" or "bgr", got {self.colours!r}')
        if self.highest not in (1, 255):
            raise ValueError(f"highest must be 1 or 255, got {self.highest}")
        if not all(np.isfinite((*self.mean, *self.std))) or min(self.std) <= 0:
            raise ValueError("mean must be three numbers, std three numbers over 0")
        if not 0 <= self.margin <= 1:
            raise ValueError(f"margin must be between 0 and 1, got {self.margin}")
        if not -1 <= self.same_person <= 1:
            raise ValueError(f"same_person must be a cosine between -1 and 1, got {self.same_person}")

    def blobs(self, rgb: RGB, landmarks: Landmarks) -> list[npt.NDArray[np.float32]]:
        """The network's inputs for the face with these 68 landmarks in rgb uint8 (H, W, 3): one, or two if mirrored."""
        return self.blobs_of(aligned(rgb, five_points(landmarks), self.side, self.margin))

    def blobs_of(self, crop: RGB) -> list[npt.NDArray[np.float32]]:
        """The inputs for a crop, uint8 RGB (side, side, 3), that is aligned already."""
        ordered = crop if self.colours == "rgb" else crop[..., ::-1]
        values = ordered.astype(np.float32) * np.float32(self.highest / 255)
        scaled = (values - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        sides = [scaled, scaled[:, ::-1]] if self.mirrored else [scaled]
        return [np.ascontiguousarray(side.transpose(2, 0, 1)[None], np.float32) for side in sides]
