"""Training of the dense network."""

from winnow.job.devices import Device
from winnow.network import InitialWeights, initial_network
from winnow.store.datasets import Dataset
from winnow.store.tensors import Parameters
from winnow.training.curve import Curve, join_curves, run
from winnow.training.settings import TrainingSettings, draw_batches


def train_dense(
    dataset: Dataset,
    *,
    seed: int,
    hidden: list[int],
    initial_weights: InitialWeights,
    batch_norm: bool = True,
    settings: TrainingSettings,
    device: Device = "cpu",
) -> tuple[Parameters, Parameters, Curve]:
    """Train the dense network from its initial weights.

    Args:
        dataset: what to train on.
        seed: seed of the run.
        hidden: units of each hidden layer.
        initial_weights: distribution of the initial weights.
        batch_norm: whether the network has batch norm.
        settings: how to train.
        device: where to train.

    Returns:
        θ(t_rewind), θ(T), and the training curve.

    Raises:
        TrainingError: training diverged.
    """
    start = settings.at_precision(initial_network(dataset, seed, hidden, initial_weights, batch_norm=batch_norm))
    engine = settings.build_engine(start, None, dataset, device)
    batches, often = draw_batches(dataset, settings, seed, 1), {"log_every": settings.log_every}
    before = run(engine, batches, range(settings.rewind), rates=settings.rates, **often)
    rewind = engine.parameters()
    after = run(engine, batches, range(settings.rewind, settings.steps), rates=settings.rates, **often)
    return rewind, engine.parameters(), join_curves([before, after])
