"""The statistics, one module each: `locality`, `kurtosis`, `cavity`, `cavity_example`, `components`; `details`.

`locality` is made of `autocorrelation`, `widths`, `pair_correlation` and `chance`; the cavities and `details`, what the
explorer shows of single units, of `cavity_scores`.  What they share: `preactivations`, the effective weights; `arrays`,
one code for CPU and GPU.
"""
