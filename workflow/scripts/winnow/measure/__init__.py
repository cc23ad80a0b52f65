"""The statistics, one module each.

They are `locality`, `kurtosis`, `cavity`, `cavity_example`, `participation` and `components`.

`locality` is made of `autocorrelation`, `widths`, `pair_correlation` and `chance`; both cavities of `cavity_scores`.
What they share: `preactivations`, the effective weights; `arrays`, one code for CPU and GPU.
"""
