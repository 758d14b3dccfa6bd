"""EgoBlur: a stand-in of the same form, written by another process as the published file was; and other files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from p3m_anon.detectors import egoblur
from p3m_anon.detectors.egoblur import EgoBlur
from p3m_anon.errors import MissingExtra, UsageError, WeightsError

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

FILE = "ego_blur_face_gen2.jit"
WRITER = '''
import sys
from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor


@torch.jit.script
class Boxes:
    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor


@torch.jit.script
class ScriptedInstances1:
    def __init__(self, image_size: Tuple[int, int], boxes: Boxes, scores: torch.Tensor, classes: Optional[Tensor]):
        self.image_size = image_size
        self._pred_boxes = torch.jit.annotate(Optional[Boxes], boxes)
        self._scores = torch.jit.annotate(Optional[torch.Tensor], scores)
        self._pred_classes = classes


class Model(torch.nn.Module):
    """Sees one face where the picture is red: two boxes for it, a plate, a faint box, and one without area."""

    def __init__(self, has_classes: bool, columns: int):
        super().__init__()
        self.has_classes, self.columns = has_classes, columns

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def inference(
        self,
        batched_inputs: List[Dict[str, torch.Tensor]],
        detected_instances: Optional[List[ScriptedInstances1]] = None,
        do_postprocess: bool = True,
    ) -> List[ScriptedInstances1]:
        image = batched_inputs[0]["image"]
        assert image.dtype == torch.uint8 and image.dim() == 3 and image.size(0) == 3 and not do_postprocess
        assert max(image.size(1), image.size(2)) <= 1200
        red = torch.nonzero((image[2] > 200) & (image[0] < 60))
        boxes, scores = torch.zeros([0, self.columns]), torch.zeros([0])
        classes = torch.zeros([0], dtype=torch.long)
        if len(red) > 0:
            low, high = red.min(0)[0], red.max(0)[0] + 1
            face = torch.stack([low[1], low[0], high[1], high[0]]).float()
            boxes = torch.stack([face + 1, face, face, face + 900, torch.zeros_like(face)])
            scores = torch.tensor([0.5, 0.9, 0.99, 0.01, 0.8])
            classes = torch.tensor([0, 0, 1, 0, 0])
        kept = torch.jit.annotate(Optional[torch.Tensor], classes) if self.has_classes else None
        return [ScriptedInstances1((image.size(1), image.size(2)), Boxes(boxes), scores, kept)]


class Other(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


folder = sys.argv[1]
torch.jit.script(Model(True, 4)).save(folder + "/right.jit")
torch.jit.script(Model(False, 4)).save(folder + "/classless.jit")
torch.jit.script(Model(True, 5)).save(folder + "/five.jit")
torch.jit.script(Other()).save(folder + "/other.jit")
'''


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "writer.py").write_text(WRITER)
    subprocess.run([sys.executable, "-W", "ignore", folder / "writer.py", folder], check=True)
    (folder / "bytes.jit").write_bytes(b"no model at all")
    return folder


def pinned(model: Path, folder: Path) -> Path:
    """A weights folder that holds the model, with its digest in the user's table."""
    content = model.read_bytes()
    (folder / FILE).write_bytes(content)
    (folder / "weights.json").write_text(json.dumps({FILE: hashlib.sha256(content).hexdigest()}))
    return folder


@pytest.fixture
def look(models: Path, tmp_path: Path) -> EgoBlur:
    return EgoBlur(weights_dir=pinned(models / "right.jit", tmp_path))


def red_square(height: int, width: int, box: tuple[int, int, int, int]) -> RGB:
    """Red from x0, y0 up to and including x1, y1."""
    rgb = np.full((height, width, 3), 90, np.uint8)
    x0, y0, x1, y1 = box
    rgb[y0 : y1 + 1, x0 : x1 + 1] = (255, 0, 0)
    return rgb


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((300, 600), (40, 60, 139, 199)),  # enlarged to the most
        ((960, 800), (100, 30, 399, 429)),  # enlarged to 1200
        ((1200, 700), (100, 30, 399, 429)),  # as it is
        ((900, 2400), (400, 100, 799, 499)),  # shrunk
        ((20, 20), (0, 0, 19, 19)),
    ],
)
def test_box_lies_on_the_face_in_the_tiles_own_pixels(
    look: EgoBlur, size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    found = look.find(red_square(*size, box))
    x0, y0, x1, y1 = box
    assert found.scores.tolist() == pytest.approx([0.9])  # one of two boxes; no plate, no faint one, none without area
    assert np.abs(found.boxes[0] - [x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5]).max() <= 1.5
    assert found.boxes.dtype == found.scores.dtype == np.float64


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (40, 33)])
def test_any_size_is_accepted(look: EgoBlur, shape: tuple[int, int]) -> None:
    found = look.find(np.full((*shape, 3), 90, np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0,)


def test_views_are_read_as_they_are_and_not_written(look: EgoBlur) -> None:
    rgb = red_square(200, 300, (30, 20, 99, 79))
    rgb.flags.writeable = False
    flipped = rgb[:, ::-1]
    assert look.find(rgb).boxes[0, 0] == pytest.approx(299 - look.find(flipped).boxes[0, 2], abs=1)


@pytest.mark.parametrize("rgb", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(look: EgoBlur, rgb: RGB) -> None:
    with pytest.raises(ValueError, match="uint8"):
        look.find(rgb)


def test_without_classes_all_are_faces(models: Path, tmp_path: Path) -> None:
    look = EgoBlur(weights_dir=pinned(models / "classless.jit", tmp_path))
    assert look.find(red_square(300, 300, (40, 60, 139, 199))).scores.tolist() == pytest.approx([0.99])


def test_is_a_box_network(look: EgoBlur, tmp_path: Path) -> None:
    assert look.model_sha256 == hashlib.sha256((tmp_path / FILE).read_bytes()).hexdigest()
    assert 0 < look.lowest <= look.confirms <= look.threshold <= look.sure < 1
    assert look.device == "cpu"


@pytest.mark.parametrize("name", ["bytes", "other", "five"])
def test_a_file_that_is_no_such_model_is_refused(models: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="is not an EgoBlur Gen 2 face model") as caught:
        EgoBlur(weights_dir=pinned(models / f"{name}.jit", tmp_path))
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_a_usage_error(models: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--device"):
        EgoBlur(weights_dir=pinned(models / "right.jit", tmp_path), device="cuda:99")


def never_loaded(path: Path, device: object) -> None:
    raise AssertionError("a file that is not pinned was loaded, and its code was run")


def test_a_file_that_nobody_pinned_is_never_loaded(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egoblur, "_load", never_loaded)
    with pytest.raises(WeightsError, match=r"weights import .*DIR"):
        EgoBlur(weights_dir=tmp_path)
    (tmp_path / FILE).write_bytes((models / "right.jit").read_bytes())
    with pytest.raises(WeightsError, match=r"weights\.json"):
        EgoBlur(weights_dir=tmp_path)
    pinned(models / "right.jit", tmp_path)
    (tmp_path / FILE).write_bytes((models / "other.jit").read_bytes())
    with pytest.raises(WeightsError, match=r"expected .*weights\.json"):
        EgoBlur(weights_dir=tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed here")
def test_without_torchvision_the_error_names_it(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def load(path: str, map_location: object) -> None:
        raise RuntimeError("Unknown builtin op: torchvision::nms.\nCould not find any similar ops to torchvision::nms.")

    monkeypatch.setattr(torch.jit, "load", load)
    with pytest.raises(MissingExtra, match="pip install torchvision"):
        EgoBlur(weights_dir=pinned(models / "right.jit", tmp_path))
