"""The statistics, one module each.

They are `locality`, `kurtosis`, `cavity`, `cavity_example`, `participation`, `components`; `details` of single units.

`locality` is made of `autocorrelation`, `widths`, `pair_correlation` and `chance`; the cavities and `details`, what the
explorer shows of single units, of `cavity_scores`.  What they share: `preactivations`, the effective weights; `arrays`,
one code for CPU and GPU.
"""
