"""The fully connected network as a module of PyTorch, for all that wants autograd."""

import itertools

import numpy as np
import torch
from torch import nn

from winnow.network import has_batch_norm, layer_sizes
from winnow.store.tensors import Parameters


class FullyConnectedNetwork(nn.Module):
    """`logits = W_k BN(ReLU(… W_0 BN(x) + b_0 …)) + b_k`; without BN if the parameters have none of batch norm.

    Its state has the names of the parameter files: `norms.i.weight` (gamma), `norms.i.bias` (beta),
    `norms.i.running_mean`, `norms.i.running_var`, all of the layer's input size, `layers.i.weight` (out, in) and
    `layers.i.bias` (out,).

    Args:
        parameters: values of the whole state; they are copied.
        norm_keep: share of the running mean and variance kept per step (exponential average).
        norm_epsilon: added to the variance in batch norm.

    Raises:
        ValueError: an array is missing.
    """

    def __init__(self, parameters: Parameters, *, norm_keep: float, norm_epsilon: float):
        super().__init__()
        sizes = layer_sizes(parameters)
        with torch.device("meta"):  # no draw of initial values that would be overwritten
            norms = [nn.BatchNorm1d(n, norm_epsilon, 1 - norm_keep) for n in sizes[:-1]]
            layers = [nn.Linear(n, m) for n, m in itertools.pairwise(sizes)]
        for norm in norms:
            norm.num_batches_tracked = None  # not part of the state: the average is exponential
        same = [nn.Identity() for _ in layers]
        self.norms = nn.ModuleList(norms if has_batch_norm(parameters) else same)
        self.layers = nn.ModuleList(layers)
        state = {name: torch.from_numpy(array.copy()) for name, array in parameters.items()}
        if missing := self.load_state_dict(state, assign=True, strict=False).missing_keys:
            raise ValueError(f"the parameters lack {', '.join(missing)}")

    def forward(self, images: np.ndarray) -> torch.Tensor:
        """Logits (n, K) of prepared images (n, D), in the precision of the parameters."""
        x = torch.from_numpy(images).to(next(self.parameters()))  # its device and precision
        *hidden, last = zip(self.norms, self.layers, strict=True)
        for norm, layer in hidden:
            x = torch.relu(layer(norm(x)))
        norm, layer = last
        logits: torch.Tensor = layer(norm(x))
        return logits

    def parameters_by_name(self) -> Parameters:
        """A copy of the whole state as numpy arrays."""
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.state_dict().items()}
