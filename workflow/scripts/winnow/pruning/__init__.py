"""From trained parameters to masks.

`imp`, `oneshot` and `random` are the methods, of `scores` (by `criteria`), `schedule` and `masks`; `retrain` trains a
pruned network again.
"""
