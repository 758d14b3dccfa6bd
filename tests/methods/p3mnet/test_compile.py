"""The network under torch.export and torch.compile: the same results, and the same gradients."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import Tensor

from p3m_anon.methods.p3mnet.network import P3MNet, P3MOutput
from p3m_anon.methods.p3mnet.unpool import max_unpool, traced_max_unpool
from tests.methods.p3mnet.test_unpool import pooled_case, slow_unpool

COMPILER = shutil.which("g++") or shutil.which("clang++")


@pytest.fixture(autouse=True)
def fresh_compiler() -> None:
    torch.compiler.reset()


def network(width: int = 8) -> P3MNet:
    torch.manual_seed(0)
    return P3MNet(width=width)


def picture(*size: int) -> Tensor:
    return torch.randn(size[0], 3, *size[1:], generator=torch.Generator().manual_seed(sum(size)))


def check_same(actual: P3MOutput, expected: P3MOutput) -> None:
    """As in the golden tests: logits everywhere, alphas but for a few near-ties."""
    for name, one, other in zip(P3MOutput._fields, actual, expected, strict=True):
        difference = (one - other).abs() / max(1.0, float(other.abs().max()))
        if name in ("local", "fused"):
            difference = difference.flatten().quantile(0.9)
        assert difference.max() < 1e-4, name


@pytest.mark.parametrize("levels", [None, 2, 1])
@pytest.mark.parametrize("shape", [(2, 3, 12, 16), (1, 1, 2, 2), (1, 2, 2, 8), (1, 2, 8, 2)])
def test_the_traced_unpooling_equals_the_slow_one(levels: int | None, shape: tuple[int, ...]) -> None:
    values, indices = pooled_case(1, levels, shape)
    assert torch.equal(traced_max_unpool(values, indices), slow_unpool(values, indices))


@torch.no_grad()
def test_one_exported_program_serves_all_sizes() -> None:
    ours = network().eval()
    dim = torch.export.Dim
    sizes = {0: dim("batch"), 2: 32 * dim("rows"), 3: 32 * dim("columns")}
    program = torch.export.export(ours, (picture(2, 96, 128),), dynamic_shapes=(sizes,)).module()
    for size in ((1, 64, 64), (3, 96, 64), (2, 128, 160)):
        check_same(program(picture(*size)), ours(picture(*size)))


@torch.no_grad()
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_compiled_without_a_graph_break(layout: torch.memory_format) -> None:
    ours = network().eval()
    expected = ours(picture(1, 64, 96))
    compiled = torch.compile(ours.to(memory_format=layout), backend="aot_eager", fullgraph=True)
    check_same(compiled(picture(1, 64, 96).to(memory_format=layout)), expected)


@torch.no_grad()
@pytest.mark.skipif(not COMPILER, reason="torch.compile needs a C++ compiler here, and there is none")
def test_unpooling_compiled_to_machine_code() -> None:
    values, indices = pooled_case(5, levels=2)
    compiled = torch.compile(max_unpool, fullgraph=True)
    for layout in (torch.contiguous_format, torch.channels_last):
        actual = compiled(values.contiguous(memory_format=layout), indices.contiguous(memory_format=layout))
        assert torch.equal(actual, slow_unpool(values, indices))


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.skipif(not COMPILER, reason="torch.compile needs a C++ compiler here, and there is none")
def test_compiled_to_machine_code() -> None:
    ours = network().eval()
    check_same(torch.compile(ours, fullgraph=True)(picture(1, 64, 96)), ours(picture(1, 64, 96)))


def test_a_training_step_has_the_same_gradients() -> None:
    plain, other = network(2).double(), network(2).double()  # double, so that no near-tie decides
    image = picture(2, 64, 64).double()
    for step in (plain, torch.compile(other, backend="aot_eager", fullgraph=True)):
        output = step(image)
        loss = output.local.square().mean() + sum(one.square().mean() for one in output if one is not None)
        loss.backward()
    for (name, one), two in zip(plain.named_parameters(), other.parameters(), strict=True):
        assert one.grad is not None
        assert two.grad is not None
        torch.testing.assert_close(two.grad, one.grad, rtol=1e-7, atol=1e-9, msg=name)


def test_the_compiled_gradient_is_a_gather() -> None:
    values, indices = pooled_case(2, levels=2)
    weights = torch.randn(2, 3, 12, 16)
    values.requires_grad_()
    unpooled = torch.compile(max_unpool, backend="aot_eager", fullgraph=True)(values, indices)
    assert torch.equal(unpooled, slow_unpool(values.detach(), indices))
    (unpooled * weights).sum().backward()
    assert torch.equal(values.grad, weights.flatten(2).gather(2, indices.flatten(2)).view_as(values))  # type: ignore[arg-type]
