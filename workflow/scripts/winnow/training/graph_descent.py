"""How parameters take their steps on a GPU, in kernels that a graph can capture; see `graph`.

δ is the gradient of the loss summed over the batch.  Plain SGD needs one kernel a layer for its weights, inside the
product, and one for all vectors together.  A rate that changes is a tensor on the device, which the graph reads anew.
"""

import torch

from winnow.store.tensors import Parameters
from winnow.training.engine import Sgd


class Descent:
    """The steps of the parameters of a network.

    Args:
        state: the whole state by name, which is moved.
        sgd: how.

    Attributes:
        velocity: v by name; empty without momentum.
    """

    def __init__(self, state: dict[str, torch.Tensor], sgd: Sgd):
        self._state, self._sgd = state, sgd
        moving = [name for name in state if ".running_" not in name] if sgd.momentum else []
        self.velocity = {name: torch.zeros_like(state[name]) for name in moving}

    def set_velocity(self, velocity: Parameters | None) -> None:
        """Have other velocities; None: zero."""
        for name, tensor in self.velocity.items():
            if velocity is None:
                tensor.zero_()
            else:
                tensor.copy_(torch.from_numpy(velocity[name]))

    def step_weight(
        self,
        name: str,
        delta: torch.Tensor,
        y: torch.Tensor,
        removed: torch.Tensor | None,
        descent: torch.Tensor | None,
    ) -> None:
        """A layer's weights take their step, by the gradient δᵀ y / batch.

        Args:
            name: of the weights (out, in).
            delta: δ, (batch, out).
            y: (batch, in), the layer's inputs.
            removed: (out, in) bool, the weights that are held at zero; None: no weight is.
            descent: (), −η; None: that of `Sgd`.
        """
        weight, sgd = self._state[name], self._sgd
        moved, kept, along = weight, 1.0, -sgd.rate / sgd.batch  # what the product is added to, and factors of both
        if sgd.momentum:
            moved, kept, along = self.velocity[name], sgd.momentum, 1 / sgd.batch
        elif descent is not None:
            delta, along = delta * descent, 1 / sgd.batch
            if sgd.weight_decay:
                weight.mul_(1 + sgd.weight_decay * descent)
        elif sgd.weight_decay:
            kept = 1 - sgd.rate * sgd.weight_decay
        moved.addmm_(delta.T, y, beta=kept, alpha=along)
        if removed is not None:
            moved.masked_fill_(removed, 0)
        if sgd.momentum:
            if sgd.weight_decay:
                moved.add_(weight, alpha=sgd.weight_decay)
            if descent is None:
                weight.add_(moved, alpha=-sgd.rate)
            else:
                weight.addcmul_(moved, descent)

    def step_vectors(
        self,
        names: list[str],
        gradients: list[torch.Tensor],
        masks: list[torch.Tensor],
        descent: torch.Tensor | None,
    ) -> None:
        """Biases, γ and β take their step together.

        Args:
            names: of the parameters.
            gradients: of the summed loss, of each.
            masks: 1 where a parameter survives, of each.
            descent: (), −η; None: that of `Sgd`.
        """
        vectors, sgd = [self._state[name] for name in names], self._sgd
        if not (sgd.momentum or sgd.weight_decay or descent is not None):
            torch._foreach_addcmul_(vectors, gradients, masks, value=-sgd.rate / sgd.batch)
            return
        along = torch._foreach_mul(gradients, masks)
        torch._foreach_mul_(along, 1 / sgd.batch)
        if sgd.weight_decay:
            torch._foreach_add_(along, vectors, alpha=sgd.weight_decay)
        if sgd.momentum:
            velocities = [self.velocity[name] for name in names]
            torch._foreach_mul_(velocities, sgd.momentum)
            torch._foreach_add_(velocities, along)
            along = tuple(velocities)
        if descent is None:
            torch._foreach_add_(vectors, along, alpha=-sgd.rate)
        else:
            torch._foreach_add_(vectors, torch._foreach_mul(along, descent))
