"""SGD with a penalty that leaves weights at zero (Neyshabur 2020, β-LASSO)."""

import torch


def beta_lasso(
    weight: torch.Tensor, gradient: torch.Tensor, *, rate: float, strength: float, beta: float
) -> torch.Tensor:
    """A step on L + λ‖θ‖₁, the sign taken before the step; then zero where |θ| < βλ.

    A weight that is zero has the sign 0: it returns as soon as one step of the loss's gradient takes it beyond βλ.

    Args:
        weight: θ before the step.
        gradient: ∇L there.
        rate: learning rate.
        strength: λ.
        beta: β.
    """
    stepped = weight - rate * (gradient + strength * weight.sign())
    return torch.where(stepped.abs() < beta * strength, torch.zeros_like(stepped), stepped)
