"""The statistics, one module each.

They are `locality`, `kurtosis`, `cavity`, `cavity_example`, `participation`, `components`; `positions` and
`nongaussianity`, which are measured where they are asked for; `details` of single units.

Where deeper layers are asked for, `layers_locality`, `layers_kurtosis` and `layers_cavity` measure each, and
`layers_positions` and `layers_nongaussianity` where those are asked for too.  A deeper layer is the first one of what
is left of the network when those below are computed (`activations`), which is what `layers` is about; its field is the
product of masks (`paths`).

`locality` is made of `autocorrelation`, `widths`, `pair_correlation` and `chance`; the cavities and `details`, what the
explorer shows of single units, of `cavity_scores`.  What they share: `preactivations`, the effective weights;
`by_class`, the images of a class together; `arrays`, one code for CPU and GPU.
"""
