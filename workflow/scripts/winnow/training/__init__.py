"""Training of one masked network.

`engine` says what an engine is, `build` chooses among `reference`, `handwritten` and `graph`; `curve` lets one run,
`watched` sees how far it is; `settings` has all that a training depends on, `rates` the learning rate of each step;
`dense` trains the dense network.

`autograd` is the network as a module of PyTorch, for `reference` and for `gradients`, which engines do not keep.

`handwritten` is made of `layers` and `norms`, which are made of what is `given`.  Their arithmetic is in `kernels`,
`kernels_dense` and `kernels_sparse`, compiled code that is made of `vectors` and of `panels`, and is shared among
`threads`.  `graph` has the steps that parameters take in `graph_descent`.
"""
