"""Weights of Deep Image Matting under mmagic's names, and VGG-16 under torchvision's. The names are facts of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor
from torch.nn import functional as F

from p3m_anon.errors import WeightsError
from p3m_anon.methods.dim.encoder import GROUPS
from p3m_anon.methods.dim.network import DIM
from p3m_anon.methods.renaming import load_renamed

_FIRST = "features.0.weight"


def load_published(network: DIM, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Load a checkpoint of mmagic or mmediting into the paper's network, in place.

    Those of stage 2 and 3 have the refinement stage; that of stage 1 fits a network without it. name: how messages
    call the source. Raises WeightsError for missing, unknown or misshapen tensors.
    """
    if network.refinement is not None and not any(key.startswith("refiner.") for key in state):
        raise WeightsError(f"{name}: has no refinement stage (refiner.*); use a checkpoint of stage 2 or 3")
    load_renamed(network, _published_modules(), state, name)


def load_backbone(network: DIM, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Start the encoder from an ImageNet VGG-16 (without batch normalization), by torchvision's names; in place.

    The weights of the fourth input channel are 0: the trimap says nothing at first, as in the paper. The classifier is
    left out. Raises WeightsError for missing, unknown or misshapen tensors.
    """
    wider = dict(state)
    if _FIRST in wider and wider[_FIRST].ndim == 4:
        wider[_FIRST] = F.pad(wider[_FIRST], (0, 0, 0, 0, 0, 1))
    load_renamed(network.encoder, _vgg16_modules(), wider, name, unused="classifier.")


def _vgg16_modules() -> Iterator[tuple[str, str]]:
    """In `features` a ReLU follows each convolution, and a pool each group."""
    place = 0
    for group, count in enumerate(GROUPS):
        for number in range(count):
            yield f"features.{place}", f"groups.{group}.{number}"
            place += 2
        place += 1


def _published_modules() -> Iterator[tuple[str, str]]:
    for group, count in enumerate(GROUPS):
        for number in range(count):
            yield f"backbone.encoder.layer{group + 1}.{2 * number}", f"encoder.groups.{group}.{number}"
    yield "backbone.encoder.conv6", "bottom.0"
    yield "backbone.decoder.deconv6_1", "bottom.1"
    for number in range(len(GROUPS)):
        yield f"backbone.decoder.deconv{len(GROUPS) - number}_1", f"decoder.layers.{number}"
    yield "backbone.decoder.deconv1", "decoder.last"
    for number in range(3):
        yield f"refiner.refine_conv{number + 1}", f"refinement.layers.{number}"
    yield "refiner.refine_pred", "refinement.last"
