"""Pruning written out parameter by parameter."""


def prune_by_score(scores, mask, n, *, share, pool):
    """Sort every pool's surviving parameters by falling score, then by index, and keep the first ones."""
    pools = {}
    for name in mask:
        pools.setdefault(name.rsplit(".", 1)[0] if pool == "layerwise" else "all", []).append(name)
    new = {name: m & False for name, m in mask.items()}
    for names in pools.values():
        everything = [(name, i) for name in names for i in range(mask[name].size)]
        survivors = [
            (-scores[name].flat[i], order, name, i) for order, (name, i) in enumerate(everything) if mask[name].flat[i]
        ]
        count = round(len(everything) * (1 - share) ** n)
        for _, _, name, i in sorted(survivors)[:count]:
            new[name].flat[i] = True
    return new
