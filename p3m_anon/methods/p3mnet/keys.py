"""How published checkpoints of P3M-Net name their tensors, and what we call them.

The names are facts of the published files; there the encoder is stored twice, as `resnet.*` and as `encoder0..4.*`,
with ImageNet's classifier `resnet.fc`, which nothing uses.
"""

from __future__ import annotations

from collections.abc import Iterator

from p3m_anon.methods.p3mnet.encoder import BLOCKS

UNUSED = {"resnet.fc.weight": (1000, 512), "resnet.fc.bias": (1000,)}
_SECOND = {
    "resnet.conv1": "encoder0.0",
    "resnet.bn1": "encoder0.1",
    "resnet.layer1": "encoder1.0",
    "resnet.layer2": "encoder2",
    "resnet.layer3": "encoder3",
    "resnet.layer4": "encoder4",
}
_INTEGRATION = {
    "tfi": ("matting.tfi", (3, 2, 1, 0), {"transform": "halve"}),
    "sbfi": ("matting.sbfi", (2, 1, 0), {"transform1": "halve", "transform2": "halve_shallow"}),
    "dbfi": ("semantic.dbfi", (2, 1, 0), {"transform1": "halve", "transform2": "halve_deep", "conv2": "side"}),
}


def resnet_modules() -> Iterator[tuple[str, str]]:
    """(name of a module in an ImageNet ResNet-34, ours below `encoder`)."""
    yield from (("conv1", "stem.conv"), ("bn1", "stem.bn"))
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            theirs, ours = f"layer{stage + 1}.{block}", f"layers.{stage}.{block}"
            for number, name in ((1, "first"), (2, "second")):
                yield f"{theirs}.conv{number}", f"{ours}.{name}.conv"
                yield f"{theirs}.bn{number}", f"{ours}.{name}.bn"
            if stage and not block:
                yield f"{theirs}.downsample.0", f"{ours}.shortcut.conv"
                yield f"{theirs}.downsample.1", f"{ours}.shortcut.bn"


def published_modules() -> Iterator[tuple[str, str]]:
    """(name of a module in a published checkpoint, ours), in the order of the file, without the encoder's second names.

    `resnet.*` and the modules after it; all belong to a network with TFI, sBFI and dBFI.
    """
    for theirs, ours in resnet_modules():
        yield f"resnet.{theirs}", f"encoder.{ours}"
    for kind, (place, levels, names) in _INTEGRATION.items():
        for position, level in enumerate(levels):
            theirs, ours = f"{kind}_{level}", f"{place}.{position}"
            for name, our_name in names.items():
                if name != "conv2":
                    yield f"{theirs}.{name}", f"{ours}.{our_name}"
            yield f"{theirs}.conv1", f"{ours}.merge.conv"
            yield f"{theirs}.bn1", f"{ours}.merge.bn"
            if "conv2" in names:
                yield f"{theirs}.conv2", f"{ours}.{names['conv2']}"
    ends = (
        ("g", "semantic", "decoder0_g.6", "semantic.blocks.4.4"),
        ("l", "matting", "decoder_final_l", "matting.last"),
    )
    for suffix, decoder, last, our_last in ends:
        for position, level in enumerate((4, 3, 2, 1, 0)):
            theirs, ours = f"decoder{level}_{suffix}", f"{decoder}.blocks.{position}"
            for layer in (0, 1, 2) if level else (0, 1):  # each convolution, its normalization, a ReLU
                yield f"{theirs}.{3 * layer}", f"{ours}.{2 * layer}.conv"
                yield f"{theirs}.{3 * layer + 1}", f"{ours}.{2 * layer}.bn"
        yield last, our_last


def second_name(key: str) -> str | None:
    """The other name under which a published checkpoint holds an encoder tensor; None for any other tensor."""
    for first, second in _SECOND.items():
        if key.startswith(f"{first}."):
            return second + key[len(first) :]
    return None
