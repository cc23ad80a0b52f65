"""The engine that fits device and density.

Each engine is imported where it is chosen: `graph` is for GPUs, and `handwritten` loads compiled kernels.
"""

from winnow.job.devices import Device
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.engine import Engine, EngineName, Precision, Sgd


def build_engine(
    start: Parameters,
    mask: Mask | None,
    dataset: Dataset,
    sgd: Sgd,
    *,
    engine: EngineName = "auto",
    device: Device = "cpu",
    precision: Precision = "float32",
) -> Engine:
    """The engine that fits device and density, or the one asked for.

    Args:
        start: the parameters to start from, zero where the mask is; the training has their precision.
        mask: the surviving parameters; None: all.
        dataset: training images are drawn from it, the validation accuracy is measured on it.
        sgd: how it is trained.
        engine: `dense` and `sparse` are for the CPU; `auto` is the fastest on the device.
        device: where to train.
        precision: of matrix products on a GPU; `float64` is the parameters'.

    Raises:
        ValueError: the engine does not run on the device.
    """
    if device == "cuda":
        if engine in ("dense", "sparse"):
            raise ValueError(
                f"training.engine: {engine} runs on a CPU only: set compute.device to cpu, or engine to auto"
            )
        if engine == "auto":
            from winnow.training.graph import GraphEngine

            return GraphEngine(start, mask, dataset, sgd, precision=precision)
    if engine == "reference":
        from winnow.training.reference import ReferenceEngine

        return ReferenceEngine(start, mask, dataset, sgd, device=device, precision=precision)
    from winnow.training.handwritten import HandwrittenEngine

    return HandwrittenEngine(start, mask, dataset, sgd, layout=engine)
