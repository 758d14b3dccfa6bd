"""The method of an evaluation: what its weights were trained on, and its predictor."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from p3m_anon.jobs.eval.picture import Predictor
from p3m_anon.jobs.eval.request import EvalRequest


def trained_on(checkpoint: Path) -> Literal["B", "N"] | None:
    """Blurred or normal pictures, as the note of our own checkpoints says; None where nothing does.

    Raises WeightsError for a file that is no checkpoint.
    """
    from p3m_anon.methods.weights import read_checkpoint

    said = read_checkpoint(checkpoint).note.get("protocol")
    return said if said in ("B", "N") else None


def load(request: EvalRequest) -> Predictor:
    """The predictor that the request names, without a `short_side`: pictures are not reduced first."""
    from p3m_anon.evaluation.predict import load_predictor

    assert request.method is not None
    predictor: Predictor = load_predictor(
        request.method,
        request.checkpoint,
        strategy=request.strategy,
        device=request.device,
        precision=request.precision,
    )
    return predictor
