"""Weights that a file holds under other names than the network has for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from p3m_anon.errors import WeightsError


def tensor_names(modules: Iterable[tuple[str, str]], ours: Iterable[str]) -> dict[str, str]:
    """Their name -> ours, for every tensor of `ours` whose module is among the pairs (their module, our module)."""
    by_module: dict[str, list[str]] = {}
    for key in ours:
        module, _, tensor = key.rpartition(".")
        by_module.setdefault(module, []).append(tensor)
    return {
        f"{theirs}.{tensor}": f"{module}.{tensor}" for theirs, module in modules for tensor in by_module.get(module, ())
    }


def load_renamed(
    module: nn.Module, modules: Iterable[tuple[str, str]], state: Mapping[str, Tensor], name: str, unused: str = ""
) -> None:
    """Load all tensors of a module, in place, or none.

    modules: pairs (their module, our module), one for each of ours that has tensors. unused: how names begin that are
    left out; "" for none. name: how messages call the source. Raises WeightsError for missing, unknown or misshapen
    tensors.
    """
    ours = module.state_dict()
    names = tensor_names(modules, ours)
    given = {key for key in state if not (unused and key.startswith(unused))}
    for what, keys in (("lacks", names.keys() - given), ("has unknown", given - names.keys())):
        if keys:
            others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise WeightsError(f"{name}: {what} {min(keys)}{others}; it is no checkpoint of this network")
    for theirs, key in names.items():
        if state[theirs].shape != ours[key].shape:
            shapes = f"{tuple(state[theirs].shape)}, {tuple(ours[key].shape)} is needed"
            raise WeightsError(f"{name}: {theirs} has the shape {shapes}; it is no checkpoint of this network")
    module.load_state_dict({key: state[theirs] for theirs, key in names.items()})
