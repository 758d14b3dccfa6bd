"""What exports and datasheet say in words of a dataset: what was done to the faces, and what that does not promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p3m_anon.files.dataset_facts import DatasetFacts
    from p3m_anon.files.export_source import Source

NOT_STATED = "not stated"

LIMIT = (
    "A blurred face is not an anonymous one: networks trained on blurred faces recognise people again, and hair, "
    "clothes, place and company identify too. Detectors miss faces."
)
NO_REIDENTIFICATION = "Not meant for finding out who somebody is, or for undoing the blur."

STATUSES = {
    "anonymized": "every face that was found is blurred",
    "anonymized_manual": "blurred by a mask that a person drew",
    "anonymized_suggested": "blurred by a mask that was suggested and that a person accepted without drawing",
    "no_face": "as it was: a person saw no identifiable face in it",
    "normal": "as it was, on purpose: its row says on what basis",
}
"""Status -> what it means for somebody who sees the picture."""

VIEWED = {
    "singly": "by itself",
    "sheet": "as a thumbnail on a sheet of pictures",
    "list": "not on the review page: in a list, or by its score",
}
"""How the person who decided saw the picture -> in words."""


def blur_words(blur: Mapping[str, Any] | None) -> str:
    """One entry of `DatasetFacts.settings` as a sentence; blur: the fields of BlurSettings, or None."""
    if not blur:
        return f"blur settings {NOT_STATED}"
    region = "the whole face with the forehead"
    if blur.get("region") != "full-face" and blur.get("blur_profile") != "strict":
        region = "the face between cheeks, chin and eyebrows"
    if blur.get("blur_profile") == "strict":
        how = f"{region} is replaced by what surrounds it; nothing of it is kept"
    else:
        how = f"{region} is blurred by a Gaussian of {blur.get('sigma', '?')} face widths"
    low, high = blur.get("transition_lo", "?"), blur.get("transition_hi", "?")
    edge = f"the soft edge of the alpha matte (alpha between {low} and {high} of 255, and what is next to it)"
    return f"{how}, but for {edge}"


def processing_words(facts: DatasetFacts) -> list[str]:
    """What was done to the pictures: one sentence for each set of settings, or that nothing is said of it."""
    said = [f"With settings {one['digest']}: {blur_words(one.get('blur'))}." for one in facts.settings]
    return said or [f"Blur settings: {NOT_STATED}."]


def blurred_words(source: Source) -> str:
    """Who blurred the faces, half a sentence: p3m-anon only where every row names its settings."""
    ours = source.filled["settings_digest"] == source.pictures
    return "faces blurred with p3m-anon" if ours else "faces blurred, as its manifest says"


def title(facts: DatasetFacts) -> str:
    """The dataset's name, with its version if it has one."""
    name = facts.name or "Portrait matting dataset (name not stated)"
    return f"{name} {facts.version}" if facts.version else name


def many(number: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """Text from outside in one line of Markdown, in which it neither ends a table's cell nor begins HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
