"""Every threshold and strength of `blur`, in one frozen record that is saved with each run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

ALGORITHM_VERSION = 3  # raise it when the same settings would give other pixels

BlurProfile = Literal["p3m", "strict"]
Region = Literal["p3m", "full-face"]
BlurMethod = Literal["fast", "exact"]
SideViews = Literal["review", "ellipse"]
OnDisagreement = Literal["mask", "review"]


@dataclass(frozen=True)
class BlurSettings:
    """What decides a picture's pixels and its verdict. Lengths are shares of the face width w.

    blur_profile: `p3m` blurs the face; `strict` replaces it by what surrounds it.
    region: `p3m` is Figure 3's area between cheeks and eyebrows; `full-face` adds the forehead.
    blur: `fast` shrinks, blurs and enlarges; `exact` is the plain Gaussian.
    side_views: a head seen from the side is covered by an ellipse, or waits for review.
    on_disagreement: `mask` blurs what any look saw and asks a person only where that does not settle it; `review` asks
        for every face that one look saw alone, or not surely.
    sigma: Gaussian sigma / w, at least MIN_SIGMA.
    transition_lo, transition_hi: alpha values (of 255) between which a pixel is in transition.
    transition_radius: how many pixels the transition region is dilated; None: from the picture's size.
    max_transition_loss: largest share of an outline or ellipse that exclusion may take.
    min_score: score of the first look under which a face counts as seen weakly.
    min_face: with `review`, smallest face width in pixels that is blurred without a person.
    small_face: face width in pixels under which landmarks are not trusted alone, and an ellipse is added.
    max_extra: largest share of the picture that the ellipse of a face seen by one look may cover.
    max_unseen: largest estimated number of faces that neither look saw.
    min_inside_picture: smallest share of an outline's area that lies inside the picture.
    min_inside_alpha: smallest share of the largest face's outline that is foreground.
    min_manual_cover: smallest share of a detected face that a manual mask must cover.
    """

    blur_profile: BlurProfile = "p3m"
    region: Region = "p3m"
    blur: BlurMethod = "fast"
    side_views: SideViews = "ellipse"
    on_disagreement: OnDisagreement = "mask"
    sigma: float = 0.3
    transition_lo: int = 5
    transition_hi: int = 250
    transition_radius: int | None = None
    max_transition_loss: float = 0.15
    min_score: float = 0.5
    min_face: float = 12.0
    small_face: float = 24.0
    max_extra: float = 0.02
    max_unseen: float = 3.0
    min_inside_picture: float = 0.5
    min_inside_alpha: float = 0.5
    min_manual_cover: float = 0.95

    MIN_SIGMA = 0.2  # weaker blurs can be undone by a linear inverse filter
    MAX_SIGMA = 1.0  # beyond it nothing is left to take away, and the kernel outgrows the picture

    def __post_init__(self) -> None:
        """Refuse a blur that is too weak to publish, and bounds that are none."""
        if not self.MIN_SIGMA <= self.sigma <= self.MAX_SIGMA:
            raise ValueError(
                f"sigma must be between {self.MIN_SIGMA} and {self.MAX_SIGMA} face widths"
                f" (a weaker blur can be inverted, a stronger one hides no more), got {self.sigma}"
            )
        if not 0 <= self.transition_lo < self.transition_hi <= 255:
            raise ValueError("transition bounds must satisfy 0 <= lo < hi <= 255")
        if self.transition_radius is not None and self.transition_radius < 0:
            raise ValueError(f"transition_radius must not be negative, got {self.transition_radius}")

    @property
    def covers_forehead(self) -> bool:
        """`strict` always takes the whole face."""
        return self.region == "full-face" or self.blur_profile == "strict"

    def to_json(self) -> str:
        """All fields, with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    def digest(self) -> str:
        """Hex sha256 over the settings and the algorithm's version, shortened to 16 digits."""
        return hashlib.sha256(f"{ALGORITHM_VERSION}:{self.to_json()}".encode()).hexdigest()[:16]
