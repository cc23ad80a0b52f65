"""From parameters to masks.

`methods` lists the methods: a procedure, and what it prunes by.  The procedures are `imp` (with `imp_first_round`),
`oneshot` (`oneshot_network` where the criterion looks at network and data), `at_start`, `while_training` (with
`moving` and `penalised`) and `from_masks` (with `random` and `kurtosis_random`).  They are made of `scores` and
`scored` (by `criteria`) and `schedule`; `retrain` trains a pruned network again.
"""
