"""What the parts of networks promise."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from p3m_anon.methods.layers import ConvBN, conv_block, fold_batch_norm


def shaken(network: nn.Module) -> nn.Module:
    """In eval mode, with statistics that are not those of the start."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
    return network.eval()


@torch.no_grad()
@pytest.mark.parametrize(
    "network",
    [
        ConvBN(3, 4, stride=2),
        ConvBN(3, 4, dilation=2),
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)),
        nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Sequential(*conv_block(4, 4, 5))),
        nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)),  # of what is not there yet
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)),
    ],
)
def test_folding_changes_nothing_but_the_number_of_steps(network: nn.Module) -> None:
    image = torch.randn(2, 3, 16, 18)
    expected = shaken(network)(image)
    norms = sum(isinstance(one, nn.BatchNorm2d) for one in network.modules())
    fold_batch_norm(network)
    assert torch.allclose(network(image), expected, atol=1e-5)
    kept = sum(isinstance(one, nn.BatchNorm2d) for one in network.modules())
    lonely = isinstance(network, nn.Sequential) and not (
        isinstance(network[0], nn.Conv2d) and isinstance(network[1], nn.Identity)
    )
    assert kept == (norms if lonely else 0)


def test_a_network_in_training_is_not_folded() -> None:
    with pytest.raises(ValueError, match="eval mode"):
        fold_batch_norm(ConvBN(3, 4))


def test_strides_and_dilation_keep_the_size_that_they_say() -> None:
    image = torch.randn(1, 3, 32, 48)
    assert ConvBN(3, 4, kernel=7, stride=2)(image).shape == (1, 4, 16, 24)
    assert ConvBN(3, 4, dilation=2)(image).shape == (1, 4, 32, 48)
