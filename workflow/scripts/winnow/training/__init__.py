"""Training of one masked network.  An engine is a function with the signature of `reference.train`."""
