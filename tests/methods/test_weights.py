"""Checkpoint files, published and ours."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch

from p3m_anon.errors import WeightsError
from p3m_anon.methods.registry import METHODS
from p3m_anon.methods.weights import NOTE, load_network, read_checkpoint
from tests.methods.p3mnet.seeded import seeded_state


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_published_files_load(tmp_path: Path, prefix: str, wrapped: bool) -> None:
    state = {prefix + key: one for key, one in seeded_state().items()}
    network = load_network("p3mnet", save(tmp_path / "c.pth", {"state_dict": state} if wrapped else state))
    assert not network.training
    assert torch.equal(network.state_dict()["matting.last.weight"], seeded_state()["decoder_final_l.weight"])


@pytest.mark.parametrize("method", ["p3mnet", "basic"])
def test_our_own_files_say_what_they_are(tmp_path: Path, method: str) -> None:
    network = METHODS[method].build(4)
    note = {"method": method, "width": 4}
    file = save(tmp_path / "c.pth", {"state_dict": network.state_dict(), NOTE: json.dumps(note)})
    loaded = load_network(method, file)
    assert read_checkpoint(file).note == note
    assert all(torch.equal(one, network.state_dict()[key]) for key, one in loaded.state_dict().items())
    other = "basic" if method == "p3mnet" else "p3mnet"
    with pytest.raises(WeightsError, match=f"is a checkpoint of {method}, not of {other}; use --method {method}"):
        load_network(other, file)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_checkpoint(tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises(WeightsError, match="is no checkpoint, or a damaged one"):
        read_checkpoint(tmp_path / "text.pth")
    for content in ({}, {"state_dict": {}}, {"state_dict": {"a": 1}}, [1]):
        with pytest.raises(WeightsError, match="holds no state_dict of tensors"):
            read_checkpoint(save(tmp_path / "c.pth", content))
    with pytest.raises(WeightsError, match="its note is damaged"):
        read_checkpoint(save(tmp_path / "c.pth", {"state_dict": {"a": torch.zeros(1)}, NOTE: "{"}))


@pytest.mark.parametrize(
    "note",
    [
        ["p3mnet", 4],
        {"method": "p3mnet", "width": "x"},
        {"method": "p3mnet", "width": -3},
        {"method": "p3mnet"},
        {"width": 4},
        "p3mnet",
        None,
    ],
)
def test_a_note_that_says_nothing_of_use(tmp_path: Path, note: object) -> None:
    content = {"state_dict": {"a": torch.zeros(1)}, NOTE: json.dumps(note)}
    with pytest.raises(WeightsError, match=r"c\.pth: its note is damaged; save it again"):
        load_network("p3mnet", save(tmp_path / "c.pth", content))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    (tmp_path / "c.pth").write_bytes(pickle.dumps({"state_dict": Evil()}, protocol=2))
    with pytest.raises(WeightsError):
        read_checkpoint(tmp_path / "c.pth")
    assert not (tmp_path / "ran").exists()


def test_a_method_without_a_published_form_needs_the_note(tmp_path: Path) -> None:
    file = save(tmp_path / "c.pth", {"state_dict": METHODS["basic"].build(2).state_dict()})
    with pytest.raises(WeightsError, match="basic has no published form"):
        load_network("basic", file)


def test_tensors_of_another_width(tmp_path: Path) -> None:
    note = json.dumps({"method": "basic", "width": 2})
    file = save(tmp_path / "c.pth", {"state_dict": METHODS["basic"].build(4).state_dict(), NOTE: note})
    with pytest.raises(WeightsError, match="it is of another network"):
        load_network("basic", file)
