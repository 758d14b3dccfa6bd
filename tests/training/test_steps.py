"""One step: precision, accumulation, chance."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lightning_fabric.plugins import MixedPrecision

from tests.training.cases import SETTINGS, drawn, make_stepper


def test_mixed_precision_is_near_and_keeps_its_weights_in_full() -> None:
    full, mixed = make_stepper(), make_stepper(replace(SETTINGS, precision="bf16"))
    batch = drawn(1, side=96)  # at 32 px the deepest layers normalise over two values, whose signs any rounding turns
    exact, near = (one.step(0, [batch]).losses().terms["total"] for one in (full, mixed))
    assert near != exact
    assert near == pytest.approx(exact, rel=0.05)
    assert {one.dtype for one in mixed.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("method", ["dim", "shm", "gfm"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_networks_of_every_kind_take_steps(method: str, precision: str) -> None:
    stepper = make_stepper(replace(SETTINGS, method=method, precision=precision))
    stepper.try_size(drawn(2, side=64))
    losses = [stepper.step(number, [drawn(1, side=64)]).losses().terms["total"] for number in range(8)]
    assert losses[-1] < losses[0]


def test_the_trimap_goes_to_the_network_that_needs_it() -> None:
    stepper, seen = make_stepper(replace(SETTINGS, method="dim")), []
    stepper.network.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    batch = drawn(1, side=64)
    stepper.step(0, [batch])
    stepper.try_size(batch)
    assert [torch.equal(one, batch.trimap) for one in seen] == [True, True]


def test_a_trial_of_a_size_leaves_no_trace() -> None:
    tried, not_tried = make_stepper(), make_stepper()
    tried.try_size(drawn(3))
    for one in (tried, not_tried):
        one.step(0, [drawn(1)])
    other = not_tried.network.state_dict()
    assert all(torch.equal(one, other[name]) for name, one in tried.network.state_dict().items())


def test_accumulated_gradients_are_the_mean_of_each() -> None:
    batches = [drawn(1), drawn(2)]
    together = make_stepper(replace(SETTINGS, accumulate=2))
    together.step(0, batches)
    single = []
    for batch in batches:
        stepper = make_stepper()
        stepper.step(0, [batch])
        single.append([one.grad for one in stepper.network.parameters()])
    for one, first, second in zip(together.network.parameters(), *single, strict=True):
        assert torch.allclose(one.grad, (first + second) / 2, atol=1e-6)


def test_the_norm_of_a_gradient_is_clipped() -> None:
    stepper = make_stepper(replace(SETTINGS, clip=0.01))
    stepper.step(0, [drawn(1)])
    norm = torch.nn.utils.get_total_norm([one.grad for one in stepper.network.parameters()])
    assert float(norm) == pytest.approx(0.01, rel=1e-3)


def test_what_a_method_draws_follows_from_the_step_alone() -> None:
    drawn_numbers = []
    for steps in ([0, 1, 2], [2]):
        stepper = make_stepper()
        for number in steps:
            stepper.step(number, [drawn(number)])
        drawn_numbers.append(float(torch.rand(1)))
    assert drawn_numbers[0] == drawn_numbers[1]


def test_it_is_compiled_and_keeps_its_names() -> None:
    """Nothing is compiled before the first step: that would take a minute here."""
    stepper = make_stepper(replace(SETTINGS, compile=True))
    assert isinstance(stepper._model._forward_module, torch._dynamo.OptimizedModule)
    assert stepper.network.state_dict().keys() == make_stepper().network.state_dict().keys()


def test_the_recipe_reaches_the_loss() -> None:
    stepper = make_stepper(replace(SETTINGS, samples=replace(SETTINGS.samples, recipe="official")))
    loss, seen = stepper._loss, []
    stepper._loss = lambda output, targets, recipe: seen.append(recipe) or loss(output, targets, recipe)
    stepper.step(0, [drawn(1)])
    assert seen == ["official"]


def test_a_run_in_full_precision_goes_on_in_fp16() -> None:
    """Its checkpoint has no scaler's state, which a scaler would refuse."""
    stepper = make_stepper()
    scaler = torch.amp.GradScaler("cpu")
    stepper._fabric.strategy._precision = MixedPrecision("16-mixed", "cpu", scaler)
    with pytest.raises(RuntimeError):
        scaler.load_state_dict({})
    stepper.load_state(make_stepper().state(), "last.ckpt")
