"""Gaussian clones: datasets with the mean and covariance of another, class by class, and no higher cumulant (App. B.1).

`gaussian`: the fit and its draws.  `draw`: all images of a clone.  `certificate`: how far they are from the fit, and
how far from Gaussian, beside what is to be expected.  `controls`: two kinds that are made the same way and are no such
clones, which their certificates show.
"""
