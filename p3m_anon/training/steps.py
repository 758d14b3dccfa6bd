"""One step of training: batches in, weights changed, losses out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from p3m_anon.methods.registry import METHODS
from p3m_anon.methods.weights import load_own
from p3m_anon.training.schedule import learning_rate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from p3m_anon.training.batch import Batch
    from p3m_anon.training.run_settings import RunSettings


class Losses(NamedTuple):
    """What a step came to: the mean over its batches and all devices. nan: a term that there is none of.

    stop: a device was asked to end the run.
    """

    terms: dict[str, float]
    stop: bool


class Reading:
    """Losses on their way from the device, which does not wait until somebody wants to know them."""

    def __init__(self, names: Sequence[str], values: Tensor) -> None:
        """values: one for each name, and one for `stop`."""
        self._names = names
        self._values = values.to("cpu", non_blocking=True)
        self._copied = torch.cuda.Event() if values.is_cuda else None
        if self._copied is not None:
            self._copied.record()

    def losses(self) -> Losses:
        """Wait for them."""
        if self._copied is not None:
            self._copied.synchronize()
        *terms, stop = self._values.tolist()
        return Losses(dict(zip(self._names, terms, strict=True)), stop > 0)


class Stepper:
    """A network in training, its optimizer, and the average of its weights if one is asked for.

    network: with its own names, on the device, channels last. Nothing is random here but what a method draws itself,
    and that follows from (seed, step, rank): there is no state of a generator to save.
    """

    def __init__(self, fabric: Fabric, network: nn.Module, settings: RunSettings, total: int) -> None:
        """network: with the weights to start from; total: steps of the run."""
        self._fabric, self._settings, self._total = fabric, settings, total
        method = METHODS[settings.method]
        assert method.loss is not None
        self._loss, self._needs_trimap = method.loss, method.needs_trimap
        network = network.to(fabric.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.network = network
        model: Any = torch.compile(network) if settings.compile else network
        made: Any = fabric.setup(model, Adam(network.parameters(), lr=settings.learning_rate))
        self._model, self._optimizer = made
        self.average: AveragedModel | None = None
        if settings.ema:
            self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.ema), use_buffers=True)

    @property
    def result(self) -> nn.Module:
        """What the run is for: the averaged weights, or the network's own."""
        average: nn.Module = self.network if self.average is None else self.average.module
        return average

    def step(self, number: int, batches: Sequence[Batch], *, stop: bool = False) -> Reading:
        """Step `number`, from 0 on, of this device's batches; the gradient is averaged over them and all devices."""
        self._begin(number)
        names: Sequence[str] = ()
        total: Tensor | None = None
        for place, batch in enumerate(batches):
            with self._fabric.no_backward_sync(self._model, enabled=place < len(batches) - 1):
                names, values = self._backward(batch, len(batches))
            total = values if total is None else total + values
        assert total is not None
        if self._settings.clip:
            self._fabric.clip_gradients(
                self._model, self._optimizer, max_norm=self._settings.clip, error_if_nonfinite=False
            )
        self._optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        values = torch.cat([total / len(batches), total.new_tensor([float(stop)])])
        if self._fabric.world_size > 1:
            values = self._fabric.all_reduce(values, reduce_op="mean")  # type: ignore[assignment]
        return Reading(names, values)

    def try_size(self, batch: Batch) -> None:
        """What a step of this batch takes in memory and time, without its effect on the weights."""
        statistics = {name: one.clone() for name, one in self.network.named_buffers()}
        self._optimizer.zero_grad()
        self._backward(batch, 1)
        self._optimizer.zero_grad()
        for name, one in self.network.named_buffers():
            one.copy_(statistics[name])

    def share_statistics(self) -> None:
        """Give all processes the first one's running statistics, which each of them gathers for itself."""
        if self._fabric.world_size > 1:
            for one in (*self.network.buffers(), *(self.average.buffers() if self.average is not None else ())):
                one.copy_(self._fabric.broadcast(one, src=0))

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, as tensors and plain data."""
        found: dict[str, Any] = {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._fabric.strategy.precision.state_dict(),
        }
        if self.average is not None:
            found["average"] = self.average.state_dict()
        return found

    def load_state(self, state: dict[str, Any], name: str) -> None:
        """Go on from `state()`. Raises WeightsError for the weights of another network. name: for messages."""
        load_own(self.network, state["network"], name)
        self._optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:  # only fp16 has one, and a run may go on in another precision
            self._fabric.strategy.precision.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _begin(self, number: int) -> None:
        seed = self._settings.samples.seed
        torch.manual_seed((seed << 40) + number * self._fabric.world_size + self._fabric.global_rank & (1 << 63) - 1)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(number, self._total, self._settings)
        self._optimizer.zero_grad()

    def _backward(self, batch: Batch, parts: int) -> tuple[Sequence[str], Tensor]:
        targets = batch.to(self._fabric.device).targets()
        given = (targets.image, targets.trimap) if self._needs_trimap else (targets.image,)
        found = self._loss(self._model(*given), targets, self._settings.samples.recipe)
        self._fabric.backward(found.total / parts)
        nothing = torch.full_like(found.total, float("nan"))
        return found._fields, torch.stack([nothing if one is None else one.detach() for one in found])
