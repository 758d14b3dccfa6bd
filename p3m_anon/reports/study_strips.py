"""One picture and what each method made of it, side by side, as in the paper's Figure 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.reports.eval_panel import GAP

Pixels = npt.NDArray[np.uint8]

IMAGE, ALPHA, PREDICTION = 0, 1, 2
PARTS = 4
MARGIN, TEXT, LINE = 8, 15, 20
PER_LINE = 7  # tiles; the paper has eight and calls for zooming in


@dataclass(frozen=True)
class Made:
    """What one method made of a picture.

    title: its name. figure: like `SAD 12.3`, perhaps with a second line. panel: of `eval_panel`, or empty.
    """

    title: str
    figure: str
    panel: bytes


@dataclass(frozen=True)
class Tile:
    """One of the pictures. jpeg: empty where there is none."""

    title: str
    figure: str
    jpeg: bytes


def tiles(made: Sequence[Made]) -> list[Tile]:
    """Image, ground truth, then each method's matte."""
    first = next((one.panel for one in made if one.panel), b"")
    found = [Tile("image", "", _part(first, IMAGE)), Tile("ground truth", "", _part(first, ALPHA))]
    return found + [Tile(one.title, one.figure, _part(one.panel, PREDICTION)) for one in made]


def strip(id: str, found: Sequence[Tile]) -> bytes:
    """All tiles under the picture's id, PER_LINE in a line, as JPEG."""
    from PIL import Image, ImageDraw, ImageFont

    pictures = [_decoded(tile.jpeg) for tile in found]
    shapes = [picture.shape for picture in pictures if picture is not None] or [(120, 120, 3)]
    high, wide = max(shape[0] for shape in shapes), max(150, *(shape[1] for shape in shapes))
    columns = min(PER_LINE, len(found))
    texts = [[tile.title, *tile.figure.split("\n")] for tile in found]
    down, across = high + max(map(len, texts)) * LINE + MARGIN, wide + MARGIN
    size = columns * across + MARGIN, -(-len(found) // columns) * down + LINE + 2 * MARGIN
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    draw.text((MARGIN, MARGIN // 2), _fitting(id, size[0] - 2 * MARGIN), "#111", font)
    for number, picture in enumerate(pictures):
        x, y = MARGIN + number % columns * across, LINE + 2 * MARGIN + number // columns * down
        if picture is not None:
            sheet.paste(Image.fromarray(picture), (x, y))
            draw.rectangle(
                (x - 1, y - 1, x + picture.shape[1], y + picture.shape[0]), outline="#999"
            )  # mattes are white
        for line, text in enumerate(texts[number]):
            draw.text((x, y + high + 2 + line * (LINE - 2)), _fitting(text, wide), "#555" if line else "#111", font)
    stream = BytesIO()
    sheet.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _part(panel: bytes, number: int) -> bytes:
    """One of a panel's pictures as JPEG; empty for a panel that is none."""
    whole = _decoded(panel)
    if whole is None:
        return b""
    wide = (whole.shape[1] - (PARTS - 1) * GAP) // PARTS
    left = number * (wide + GAP)
    part = cv2.cvtColor(whole[:, left : left + wide], cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 88])[1])


def _decoded(jpeg: bytes) -> Pixels | None:
    if not jpeg:
        return None
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if found is None else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def _fitting(text: str, wide: int) -> str:
    """Cut so that it ends before the next one's; the font's letters are about half as wide as high."""
    plain, most = " ".join(text.split()), max(4, int(wide / (TEXT * 0.55)))
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."
