"""Synthetic images with one covariance and a dial for what is not Gaussian: three arms.

All arms have the covariance `C` of nonlinear Gaussian processes at a reference gain (`winnow.datasets.nlgp`), class by
class, zero mean and unit variance; the dial is the pixels' excess kurtosis `k`, and at `k = 0` each arm is the Gaussian
process with covariance `C`.  The first two send a Gaussian process `z` of unit variance through an odd map, pixel by
pixel; that the pixels' covariance is `C` fixes the correlation `r` of `z`:

    saturating    x = erf(g z) / Z(g)             r = sin(asin(s) C) / s,  s = 2 g^2 / (1 + 2 g^2)       k < 0
    heavy_tailed  x = sinh(a z) / sd              r = asinh(sinh(a^2) C) / a^2                           k > 0
    elliptical    x = t z,  t^2 ~ Gamma, E t^2 = 1   r = C                                               k > 0

The gain `g` solves `k = E erf(g z)^4 / (E erf(g z)^2)^2 - 3`.  With `q = exp(2 a^2)` the moments of the sinh give
`k = (q - 1)(q + 3) / 2` (a member of Johnson's S_U family; N. L. Johnson, Biometrika 36, 149, 1949).  `t` is one number
an image: `k = 3 Var(t^2)`, so that `t^2` is Gamma with mean 1 and variance `k / 3`; at `k = 3` this is the multivariate
Laplace distribution.  After L. Lufkin, A. Saxe, E. Grant, "Nonlinear dynamics of localization in neural receptive
fields", arXiv 2501.17284, 2025: negative excess localises, positive does not, elliptical data never do.
"""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from winnow.datasets.nlgp import filter_noise, nlgp_covariance, saturate, spectrum_root, write_classes

LOWEST_KURTOSIS = -1.99
"""Excess kurtosis of pixels that are nearly two-valued: lower ones ask for gains beyond all sense."""

_HIGHEST_GAIN = 1e3


class DialError(ValueError):
    """Settings for which there are no such images; the message says which and what to change."""


def saturating_kurtosis(gain: float) -> float:
    """Excess kurtosis of erf(g z), z standard normal: 0 at g = 0, falling to -2.

    Args:
        gain: g > 0.
    """
    from scipy.integrate import quad
    from scipy.special import erf

    def moment(power: int) -> float:
        def integrand(z: float) -> float:
            return float(erf(gain * z)) ** power * math.exp(-z * z / 2)

        # Even powers: twice the half line, in two parts, since beyond the edge erf is 1.
        edge = min(4 / gain, 6.0)
        parts = [quad(integrand, low, high, epsabs=0, epsrel=1e-12)[0] for low, high in ((0.0, edge), (edge, 12.0))]
        return math.sqrt(2 / math.pi) * float(sum(parts))

    return moment(4) / moment(2) ** 2 - 3


@cache
def gain_of(kurtosis: float) -> float:
    """The gain at which erf(g z) has an excess kurtosis.

    Args:
        kurtosis: above `LOWEST_KURTOSIS`, below 0.
    """
    from scipy.optimize import brentq

    lowest = 1e-2  # its kurtosis is of the order of g^4: too small to be told from 0
    if kurtosis >= saturating_kurtosis(lowest):
        return 0.0
    ends = math.log(lowest), math.log(_HIGHEST_GAIN)
    return math.exp(float(brentq(lambda log: saturating_kurtosis(math.exp(log)) - kurtosis, *ends)))


def scale_of(kurtosis: float) -> float:
    """The `a` at which sinh(a z) has an excess kurtosis: (q - 1)(q + 3) / 2 = k for q = exp(2 a^2).

    Args:
        kurtosis: 0 or above.
    """
    # q - 1 without the digits that a difference would lose near 0.
    above_one = 2 * kurtosis / (2 + math.sqrt(4 + 2 * kurtosis))
    return math.sqrt(math.log1p(above_one) / 2)


def latent_correlation(arm: str, covariance: np.ndarray, kurtosis: float) -> np.ndarray:
    """Correlation that the Gaussian process `z` must have for the pixels to have a covariance.

    Args:
        arm: saturating, heavy_tailed or elliptical.
        covariance: of the pixels, whose variance is 1; any shape.
        kurtosis: the pixels' excess kurtosis.

    Returns:
        The same shape.
    """
    if arm == "saturating" and (gain := gain_of(kurtosis)):
        share = 1 / (1 + 0.5 / gain**2)
        return np.sin(math.asin(share) * covariance) / share
    if arm == "heavy_tailed" and (square := scale_of(kurtosis) ** 2):
        return np.arcsinh(math.sinh(square) * covariance) / square
    return covariance


def sample_dial(
    n: int,
    *,
    arm: str,
    side: int,
    xi: float,
    reference_gain: float,
    excess_kurtosis: float,
    channels: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw images of an arm.

    Args:
        n: number of images.
        arm: saturating, heavy_tailed or elliptical.
        side: L, pixels.
        xi: correlation length of the nonlinear Gaussian process whose covariance the images have, pixels.
        reference_gain: its gain.
        excess_kurtosis: of the pixels; 0 gives Gaussian images.
        channels: C, uncorrelated; elliptical ones share an image's scale.
        rng: the random generator.

    Returns:
        (n, C * L * L) float32.

    Raises:
        DialError: no Gaussian process has the correlation that this covariance and kurtosis need.
    """
    correlation = latent_correlation(arm, nlgp_covariance(side, xi, reference_gain), excess_kurtosis)
    root = spectrum_root(np.fft.fft2(correlation).real)
    if root is None:
        raise DialError(
            f"{arm} images cannot have an excess kurtosis of {excess_kurtosis:g} with the covariance of correlation "
            f"length {xi:g} at reference_gain {reference_gain:g}: choose a kurtosis nearer to 0 or a larger "
            "reference_gain"
        )
    z = filter_noise(n, root, channels, rng)
    return _mapped(arm, z, excess_kurtosis, rng).reshape(n, channels * side * side)


def _mapped(arm: str, z: np.ndarray, kurtosis: float, rng: np.random.Generator) -> np.ndarray:
    """Images (n, C, L, L) of unit variance from Gaussian ones."""
    if kurtosis == 0:
        return z
    if arm == "saturating":
        return saturate(z, gain_of(kurtosis))
    if arm == "heavy_tailed":
        a = scale_of(kurtosis)
        deviation = math.sqrt(math.expm1(2 * a * a) / 2)  # E sinh^2(a z) = (exp(2 a^2) - 1) / 2
        heavy: np.ndarray = np.sinh(np.float32(a) * z) / np.float32(deviation)
        return heavy
    squares = rng.gamma(3 / kurtosis, kurtosis / 3, len(z))
    return z * np.sqrt(squares).astype(np.float32)[:, None, None, None]


def prepare_dial(
    folder: str | Path,
    *,
    arm: str,
    name: str,
    side: int,
    correlation_lengths: Sequence[float],
    reference_gain: float,
    excess_kurtosis: float,
    train_per_class: int,
    validation_per_class: int,
    channels: int = 1,
    seed: int = 0,
) -> None:
    """Write a dataset of one arm: (N, C * L * L) float32, zero mean and unit variance.

    The images of a class depend on the arm, `name`, `seed` and the settings of the class alone.

    Args:
        folder: the dataset to write.
        arm: saturating, heavy_tailed or elliptical.
        name: the dataset's name.
        side: L, pixels.
        correlation_lengths: one class each, pixels, above 0 and at most L.
        reference_gain: gain of the nonlinear Gaussian process whose covariance the images have.
        excess_kurtosis: of the pixels, the dial: 0 Gaussian; below in the arm saturating, above in the others.
        train_per_class: training images per class.
        validation_per_class: validation images per class.
        channels: C.
        seed: seed of the draws.

    Raises:
        DialError: settings for which there are no such images.
        NlgpError: settings that make no sense.
    """
    low, high = (LOWEST_KURTOSIS, 0.0) if arm == "saturating" else (0.0, math.inf)
    if not (math.isfinite(excess_kurtosis) and low <= excess_kurtosis <= high):
        raise DialError(
            f"excess_kurtosis ({excess_kurtosis}) of {arm} images must be "
            + (f"between {low} and 0" if arm == "saturating" else "a finite number, 0 or above")
        )
    if not (math.isfinite(reference_gain) and reference_gain >= 0):
        raise DialError(f"reference_gain ({reference_gain}) must be a finite number, 0 or above")
    write_classes(
        folder,
        lambda n, xi, rng: sample_dial(
            n,
            arm=arm,
            side=side,
            xi=xi,
            reference_gain=reference_gain,
            excess_kurtosis=excess_kurtosis,
            channels=channels,
            rng=rng,
        ),
        side=side,
        correlation_lengths=correlation_lengths,
        train_per_class=train_per_class,
        validation_per_class=validation_per_class,
        channels=channels,
        source={
            "source": arm,
            "name": name,
            "correlation_lengths": [float(xi) for xi in correlation_lengths],
            "reference_gain": reference_gain,
            "excess_kurtosis": excess_kurtosis,
            "seed": seed,
        },
    )
