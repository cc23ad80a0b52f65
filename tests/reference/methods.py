"""Criteria of networks written out from the papers' equations: one weight, one image, one path at a time."""

from itertools import product

import numpy as np
from scipy import special

from reference.cavity import cavity_scores


def n_layers(parameters):
    return sum(name.startswith("layers.") and name.endswith(".weight") for name in parameters)


def layer_input(parameters, i, x, epsilon):
    """Batch norm of layer i's input, with the running statistics."""
    norm = {key: parameters[f"norms.{i}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
    return norm["weight"] * (x - norm["running_mean"]) / np.sqrt(norm["running_var"] + epsilon) + norm["bias"]


def logits(parameters, x, epsilon):
    for i in range(n_layers(parameters)):
        x = np.maximum(x, 0) if i else x
        x = layer_input(parameters, i, x, epsilon) @ parameters[f"layers.{i}.weight"].T + parameters[f"layers.{i}.bias"]
    return x


def loss(parameters, x, labels, epsilon, temperature=1.0):
    """Mean cross-entropy."""
    log_p = special.log_softmax(logits(parameters, x, epsilon) / temperature, axis=1)
    return -log_p[np.arange(len(labels)), labels].mean()


def changed(parameters, name, place, value):
    array = parameters[name].copy()
    array[place] = value
    return {**parameters, name: array}


def weights(parameters):
    return [name for name in parameters if name.startswith("layers.") and name.endswith(".weight")]


def places(parameters, names):
    return [(name, place) for name in names for place in np.ndindex(parameters[name].shape)]


def snip(parameters, x, labels, epsilon, h=1e-5):
    """|∂L(c ⊙ w) / ∂c_j| at c = 1, by the central difference."""
    scores = {name: np.zeros(parameters[name].shape) for name in weights(parameters)}
    for name, place in places(parameters, scores):
        w = parameters[name][place]
        up, down = (loss(changed(parameters, name, place, w * c), x, labels, epsilon) for c in (1 + h, 1 - h))
        scores[name][place] = abs((up - down) / (2 * h))
    return scores


def gradient(parameters, x, labels, epsilon, temperature):
    """∇L of all weights, by the chain rule from the last layer to the first."""
    inputs, outputs = [], [x]
    for i in range(n_layers(parameters)):
        inputs.append(layer_input(parameters, i, np.maximum(outputs[-1], 0) if i else x, epsilon))
        outputs.append(inputs[-1] @ parameters[f"layers.{i}.weight"].T + parameters[f"layers.{i}.bias"])
    delta = special.softmax(outputs[-1] / temperature, axis=1)
    delta[np.arange(len(labels)), labels] -= 1
    delta /= temperature * len(labels)
    found = {}
    for i in reversed(range(n_layers(parameters))):
        found[f"layers.{i}.weight"] = delta.T @ inputs[i]
        scale = parameters[f"norms.{i}.weight"] / np.sqrt(parameters[f"norms.{i}.running_var"] + epsilon)
        delta = delta @ parameters[f"layers.{i}.weight"] * scale * (outputs[i] > 0)
    return {name: found[name] for name in weights(parameters)}


def grasp(parameters, x, labels, epsilon, temperature, h=1e-6):
    """w · Hg with Hg = (∇L(w + hg/‖g‖) − ∇L(w − hg/‖g‖)) ‖g‖ / 2h."""
    g = gradient(parameters, x, labels, epsilon, temperature)
    size = np.sqrt(sum((array**2).sum() for array in g.values()))
    up, down = (
        gradient(
            {**parameters, **{name: parameters[name] + s * array / size for name, array in g.items()}},
            x,
            labels,
            epsilon,
            temperature,
        )
        for s in (h, -h)
    )
    return {name: parameters[name] * (up[name] - down[name]) * size / (2 * h) for name in g}


def squared_gradient(parameters, x, labels, epsilon, temperature):
    """‖g‖²."""
    return sum((array**2).sum() for array in gradient(parameters, x, labels, epsilon, temperature).values())


def synflow(parameters):
    """Of every weight the sum over the paths through it of the products of |w|: R's share that is lost without it."""
    names = weights(parameters)
    sizes = [parameters[names[0]].shape[1], *(len(parameters[name]) for name in names)]
    scores = {name: np.zeros(parameters[name].shape) for name in names}
    for path in product(*map(range, sizes)):
        flow = 1.0
        for i, name in enumerate(names):
            flow *= abs(parameters[name][path[i + 1], path[i]])
        for i, name in enumerate(names):
            scores[name][path[i + 1], path[i]] += flow
    return scores


def gauss_newton_diagonal(parameters, names, x, epsilon, h=1e-6):
    """diag E[Jᵀ (diag p − p pᵀ) J], image by image; J, the derivative of the logits, by the central difference."""
    found = {name: np.zeros(parameters[name].shape) for name in names}
    p = special.softmax(logits(parameters, x, epsilon), axis=1)
    for name, place in places(parameters, names):
        w = parameters[name][place]
        up, down = (logits(changed(parameters, name, place, w + s), x, epsilon) for s in (h, -h))
        derivative = (up - down) / (2 * h)
        for j, q in zip(derivative, p, strict=True):
            found[name][place] += j @ (np.diag(q) - np.outer(q, q)) @ j / len(x)
    return found


def cavity(parameters, mask, x, epsilon):
    """The cavity score of every weight of the hidden layers, recomputed without it."""
    scores = {}
    for i in range(n_layers(parameters) - 1):
        y = layer_input(parameters, i, np.maximum(x, 0) if i else x, epsilon)
        name = f"layers.{i}.weight"
        scores[name] = cavity_scores(parameters[name], mask[name], y)
        x = y @ (parameters[name] * mask[name]).T + parameters[f"layers.{i}.bias"]
    return scores


def erdos_renyi(shapes, density):
    """Shares p_l ∝ (n_in + n_out) / (n_in n_out) of each layer that together keep the density, none above 1."""
    full = set()
    while True:
        rest = [k for k in range(len(shapes)) if k not in full]
        wanted = density * sum(np.prod(shape) for shape in shapes) - sum(np.prod(shapes[k]) for k in full)
        scale = wanted / sum(sum(shapes[k]) for k in rest)
        over = [k for k in rest if scale * sum(shapes[k]) / np.prod(shapes[k]) > 1]
        if not over:
            return [1.0 if k in full else scale * sum(shapes[k]) / np.prod(shapes[k]) for k in range(len(shapes))]
        full |= set(over)
