"""ImageNet weights for T-Net, by torchvision's names; nobody has published weights of the whole to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from p3m_anon.methods.renaming import load_renamed
from p3m_anon.methods.shm.network import SHM
from p3m_anon.methods.shm.tnet import BLOCKS


def load_backbone(network: SHM, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Start T-Net's ResNet-50 from an ImageNet one, in place; M-Net starts at random.

    What is dilated here has the shapes of what is strided there. The classifier `fc` is left out. name: how messages
    call the source. Raises WeightsError for missing, unknown or misshapen tensors.
    """
    load_renamed(network.t_net.backbone, _resnet50_modules(), state, name, unused="fc.")


def _resnet50_modules() -> Iterator[tuple[str, str]]:
    yield from (("conv1", "stem.conv"), ("bn1", "stem.bn"))
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            theirs, ours = f"layer{stage + 1}.{block}", f"layers.{stage}.{block}"
            for number, part in enumerate(("first", "second", "third"), 1):
                yield f"{theirs}.conv{number}", f"{ours}.{part}.conv"
                yield f"{theirs}.bn{number}", f"{ours}.{part}.bn"
            if not block:
                yield f"{theirs}.downsample.0", f"{ours}.shortcut.conv"
                yield f"{theirs}.downsample.1", f"{ours}.shortcut.bn"
