"""What a predictor promises, whatever its strategy."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from p3m_anon.errors import TooLarge, UsageError, WeightsError
from p3m_anon.evaluation import passes, predict
from p3m_anon.evaluation.predict import STRATEGIES, load_predictor
from p3m_anon.evaluation.strategies import STRATEGIES as BY_NAME
from p3m_anon.methods.registry import METHODS
from tests.evaluation.networks import narrow_checkpoint, photo


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return narrow_checkpoint(tmp_path_factory.mktemp("weights") / "narrow.ckpt")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_matte_is_as_large_as_its_picture_and_repeatable(checkpoint: Path, strategy: str) -> None:
    rgb = photo(101, 150)
    kept = rgb.copy()
    predictor = load_predictor("p3mnet", checkpoint, strategy=strategy)
    alpha = predictor.predict(rgb)
    assert (alpha.shape, alpha.dtype) == ((101, 150), np.float32)
    assert 0 <= alpha.min() < alpha.max() <= 1
    assert np.array_equal(alpha, predictor.predict(rgb, np.full((101, 150), 128, np.uint8)))
    assert np.array_equal(rgb, kept)


def test_every_strategy_has_its_name_without_torch() -> None:
    assert set(BY_NAME) == set(STRATEGIES)
    code = "import p3m_anon.evaluation.predict, sys; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_digest_knows_all_that_decides_a_matte(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(file: Path = checkpoint, **options: object) -> str:
        return load_predictor("p3mnet", file, **options).digest  # type: ignore[arg-type]

    first = digest()
    assert first == digest() == digest(strategy="hybrid", device="cpu", precision="float32")
    others = [
        digest(narrow_checkpoint(tmp_path / "other.ckpt", seed=1)),
        digest(strategy="resize"),
        digest(precision="bfloat16"),
        digest(short_side=1080),
    ]
    monkeypatch.setattr(predict, "VERSION", predict.VERSION + 1)
    assert len({first, *others, digest()}) == 6


def test_another_version_of_a_network_is_another_digest_and_the_first_changes_nothing(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    parts = ["p3mnet", weights, "resize", "float32", "cpu", None, predict.VERSION]

    def digest() -> str:
        return load_predictor("p3mnet", checkpoint, strategy="resize", device="cpu").digest

    found = [digest()]
    assert found[0] == hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    for version in (2, 3):
        monkeypatch.setitem(METHODS, "p3mnet", replace(METHODS["p3mnet"], version=version))
        found.append(digest())
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("method", "strategy", "advice"),
    [
        ("p3mnet", "hybrid", ", or use --strategy tiled or resize"),
        ("p3mnet", "tiled", ", or use --strategy resize"),
        ("dim", "resize", ", or use --strategy tiled"),
        ("shm", "full", ", or use --strategy resize"),
        ("shm", "resize", ""),
    ],
)
def test_what_is_too_large_is_told_what_the_method_has(
    method: str, strategy: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = METHODS[method].build
    assert build is not None
    note = json.dumps({"method": method, "width": 2})
    torch.save({"state_dict": build(2).state_dict(), "p3m_anon": note}, tmp_path / "weights.ckpt")
    predictor = load_predictor(method, tmp_path / "weights.ckpt", strategy=strategy, device="cpu")
    monkeypatch.setattr(passes, "_free_memory", lambda: 1.0)
    with pytest.raises(TooLarge, match=f"close other programs{advice}$"):
        predictor.predict(photo(64, 64), np.full((64, 64), 128, np.uint8))


def test_memory_is_counted_by_what_the_network_takes(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "_free_memory", lambda: 64 * 64 * 1000.0)

    def look(pixel_bytes: int) -> np.ndarray:
        monkeypatch.setitem(METHODS, "p3mnet", replace(METHODS["p3mnet"], pixel_bytes=pixel_bytes))
        return load_predictor("p3mnet", checkpoint, strategy="full", device="cpu").predict(photo(64, 64))

    assert look(999).shape == (64, 64)
    with pytest.raises(TooLarge):
        look(1001)


def test_ours_are_never_reduced_and_the_digest_says_so(checkpoint: Path) -> None:
    for strategy in ("full", "tiled"):
        limited, free = (load_predictor("p3mnet", checkpoint, strategy=strategy, short_side=s) for s in (64, None))
        assert limited.digest == free.digest
        assert limited.short_side is None


def test_own_pictures_are_reduced_to_a_shorter_side(checkpoint: Path) -> None:
    predictor = load_predictor("p3mnet", checkpoint, strategy="resize", short_side=128)
    seen = []

    def run(images: list[np.ndarray]) -> list[np.ndarray]:
        seen.extend(one.shape for one in images)
        return [np.ones(one.shape[:2], np.float32) for one in images]

    stub = predict.Predictor(predictor.digest, run, predictor.short_side)
    for shape in ((128, 900), (256, 300), (513, 400)):
        assert stub.predict(photo(*shape)).shape == shape
    assert seen == [(128, 900, 3), (128, 150, 3), (164, 128, 3)]


def test_a_batch_is_of_one_size(checkpoint: Path) -> None:
    predictor = load_predictor("p3mnet", checkpoint, strategy="resize")
    assert predictor.predict_batch([]) == []
    with pytest.raises(ValueError, match="one size"):
        predictor.predict_batch([photo(70, 80), photo(80, 70)])
    with pytest.raises(ValueError, match="uint8"):
        predictor.predict(np.zeros((70, 80, 3)))


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("p4m", {}, "--method p4m is not known; use p3mnet"),
        ("p3mnet", {"strategy": "best"}, "--strategy best is not known; use hybrid, resize, full, tiled"),
        ("p3mnet", {"precision": "int8"}, "--precision int8"),
        ("p3mnet", {"device": "abacus"}, "--device abacus"),
    ],
)
def test_what_does_not_exist_is_wrong_usage(checkpoint: Path, method: str, options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_predictor(method, checkpoint, **options)


def test_without_weights_it_says_where_they_are_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--checkpoint FILE.*github\.com/JizhiziLi/P3M"):
        load_predictor("p3mnet", None)
    with pytest.raises(WeightsError, match=r"none\.pth: cannot be read"):
        load_predictor("p3mnet", tmp_path / "none.pth")
