"""The statistics, one module each.

`locality` is made of `autocorrelation`, `widths` and `pair_correlation`; `cavity` and `cavity_example` of
`cavity_scores`.  What they share: `preactivations`, the effective weights; `arrays`, one code for CPU and GPU.
"""
