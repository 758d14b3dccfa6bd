"""What the list of methods promises of each."""

from __future__ import annotations

import pytest
import torch

from p3m_anon.errors import UsageError
from p3m_anon.methods.network import has_two_branches
from p3m_anon.methods.registry import METHODS, NETWORKS, TWO_BRANCHES


def test_a_method_is_solved_or_a_network() -> None:
    for name, method in METHODS.items():
        assert name == method.name
        assert (method.solve is None) == (name in NETWORKS) == (method.loss is not None) == bool(method.strategies)
        assert (method.load_published is None) == (not method.published)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_what_its_method_says(name: str) -> None:
    method = METHODS[name]
    assert method.build is not None
    network = method.build(2).eval()
    assert has_two_branches(network) == method.has_two_branches
    assert set(method.strategies) <= set(TWO_BRANCHES)
    image, trimap = torch.randn(2, 3, 64, 96), torch.full((2, 1, 64, 96), 128, dtype=torch.uint8)
    with torch.no_grad():
        output = network(image, trimap) if method.needs_trimap else network(image)
    assert output.fused.shape == (2, 1, 64, 96)
    assert 0 <= output.fused.min() <= output.fused.max() <= 1


def test_a_seed_gives_the_network_that_it_always_gave() -> None:
    """The sum of its parameters and the number that is drawn next: runs of an older version can be made again."""
    found = {}
    for name, method in NETWORKS.items():
        assert method.build is not None
        torch.manual_seed(5)
        total = sum(one.double().sum().item() for one in method.build(4).parameters())
        found[name] = pytest.approx((total, torch.rand(1).item()), rel=1e-5)
    assert found == {
        "p3mnet": (848.30235, 0.33627486),
        "basic": (775.83292, 0.52071649),
        "p3mnet_tfi": (800.36333, 0.04569715),
        "p3mnet_tfi_sbfi": (828.60694, 0.86062473),
        "p3mnet_tfi_dbfi": (801.30227, 0.84007138),
        "shm": (2227.9525, 0.35522568),
        "dim": (11.627413, 0.75606948),
        "gfm": (929.53477, 0.19053888),
    }


def test_modules_of_table_5_are_the_networks_own() -> None:
    for name in ("basic", "p3mnet_tfi", "p3mnet_tfi_sbfi", "p3mnet_tfi_dbfi"):
        method = METHODS[name]
        assert method.build is not None
        network = method.build(2)
        found = {"TFI": network.matting.tfi, "sBFI": network.matting.sbfi, "dBFI": network.semantic.dbfi}
        assert [one for one, modules in found.items() if len(modules)] == list(method.modules)


def test_a_strategy_is_the_methods_own() -> None:
    assert METHODS["p3mnet"].strategy(None) == "hybrid"
    assert METHODS["gfm"].strategy(None) == "hybrid"
    assert METHODS["dim"].strategy(None) == "full"
    assert METHODS["dim"].strategy("tiled") == "tiled"
    assert METHODS["closed_form"].strategy("hybrid") == ""
    with pytest.raises(UsageError, match="dim has no --strategy hybrid; use full, resize, tiled"):
        METHODS["dim"].strategy("hybrid")
