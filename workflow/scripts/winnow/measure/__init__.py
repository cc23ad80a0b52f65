"""The statistics, one module each.

They are `locality`, `kurtosis`, `cavity`, `cavity_example`, `participation`, `components`; `positions` and
`nongaussianity`, which are measured where they are asked for; `details` of single units.

`locality` is made of `autocorrelation`, `widths`, `pair_correlation` and `chance`; the cavities and `details`, what the
explorer shows of single units, of `cavity_scores`.  What they share: `preactivations`, the effective weights;
`by_class`, the images of a class together; `arrays`, one code for CPU and GPU.
"""
