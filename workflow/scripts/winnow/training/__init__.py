"""Training of one masked network.

`engine` says what an engine is, `build` chooses among `reference`, `handwritten` (with `kernels`, `vectors`, `threads`)
and `graph`; `curve` lets one run; `gradients` has what engines do not keep; `settings` has all that a training depends
on; `dense` trains the dense network.
"""
