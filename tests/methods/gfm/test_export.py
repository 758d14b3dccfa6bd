"""GFM as an ONNX model: its pyramid averages over windows that follow the picture's size."""

from __future__ import annotations

import torch

from p3m_anon.methods.gfm.network import GFM
from p3m_anon.methods.onnx_check import compare
from p3m_anon.methods.onnx_export import to_onnx


def test_the_model_agrees_at_every_size() -> None:
    torch.manual_seed(0)
    network = GFM(width=2).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.running_var, 100)  # it takes 0..255
    found = compare(network, to_onnx(network, {"method": "gfm"}))
    assert [one.output for one in found if one.agrees] == ["alpha", "global_logits", "local"]
