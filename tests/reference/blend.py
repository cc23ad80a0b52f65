"""A blend of images with their clone, image by image."""

import math

import numpy as np


def blend(images: np.ndarray, clone: np.ndarray, labels: np.ndarray, train: np.ndarray, of_train: np.ndarray, a: float):
    """mu + √(1 − a) (x − mu) + √a (c − mu), mu the mean of the training images of x's class: (N, D) float64."""
    blended = []
    for image, gaussian, label in zip(images.astype(float), clone.astype(float), labels, strict=True):
        mean = np.mean([other for other, of in zip(train.astype(float), of_train, strict=True) if of == label], axis=0)
        blended.append(mean + math.sqrt(1 - a) * (image - mean) + math.sqrt(a) * (gaussian - mean))
    return np.array(blended)
