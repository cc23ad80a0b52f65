"""From trained parameters to masks.

`imp` (with `imp_first_round`), `oneshot` and `random` are the methods, made of `scores` (by `criteria`), `schedule` and
`masks`; `retrain` trains a pruned network again, `units` chooses which units are shown.
"""
