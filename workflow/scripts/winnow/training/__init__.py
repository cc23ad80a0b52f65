"""Training of one masked network.

`engine` says what an engine is, `build` chooses among `reference`, `handwritten` and `graph`; `curve` lets one run,
`watched` sees how far it is; `settings` has all that a training depends on, `rates` the learning rate of each step;
`dense` trains the dense network.

`autograd` is the network as a module of PyTorch, for `reference` and for `gradients`, which engines do not keep.

`handwritten` has its arithmetic in `kernels`, `kernels_dense` and `kernels_sparse`, compiled code that is made of
`vectors` and of `panels`, and shares it among `threads`.
"""
