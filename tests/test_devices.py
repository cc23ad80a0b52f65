import subprocess
import sys

import pytest
import torch

from winnow import devices
from winnow.devices import resolve_device


@pytest.fixture
def driver(monkeypatch):
    """A machine with NVIDIA's driver."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices.Path, "exists", lambda path: str(path) == "/dev/nvidiactl")


@pytest.mark.parametrize("setting", ["auto", "cuda"])
def test_a_gpu_is_used_where_torch_sees_one(setting, driver, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device(setting) == "cuda"
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpus_are_none(hidden, driver, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ValueError, match="'cuda', but CUDA_VISIBLE_DEVICES hides all GPUs: set it to 'auto' or 'cpu'"):
        resolve_device("cuda")


def test_a_driver_is_not_enough(driver, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ValueError, match="torch sees no GPU"):
        resolve_device("cuda")
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ValueError, match="torch is not installed"):
        resolve_device("cuda")


def test_without_a_driver_torch_is_not_imported(monkeypatch):
    code = (
        "import sys; from pathlib import Path; Path.exists = lambda path: False\n"
        "from winnow.devices import resolve_device\n"
        "assert resolve_device('auto') == resolve_device('cpu') == 'cpu'\n"
        "import winnow.measure.cavity, winnow.measure.kurtosis, winnow.measure.locality, winnow.measure.components\n"
        "assert 'torch' not in sys.modules"
    )
    monkeypatch.setenv("PYTHONPATH", devices.__file__.removesuffix("/winnow/devices.py"))
    subprocess.run([sys.executable, "-c", code], check=True)
    monkeypatch.setattr(devices.Path, "exists", lambda path: False)
    with pytest.raises(ValueError, match="no NVIDIA driver"):
        resolve_device("cuda")
