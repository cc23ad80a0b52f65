"""Pruning written out parameter by parameter."""


def prune_by_score(scores, mask, n, *, share, pool, biases="pooled"):
    """Sort every pool's surviving parameters by falling score, then by index, and keep the first ones."""
    pools = {}
    new = {name: m & False for name, m in mask.items()}
    for name in mask:
        layer, kind = name.rsplit(".", 1)
        if biases == "kept" and kind == "bias":
            new[name] = mask[name].copy()
            continue
        key = (layer if pool == "layerwise" else "all", kind if biases == "apart" else "any")
        pools.setdefault(key, []).append(name)
    for names in pools.values():
        everything = [(name, i) for name in names for i in range(mask[name].size)]
        survivors = [
            (-scores[name].flat[i], order, name, i) for order, (name, i) in enumerate(everything) if mask[name].flat[i]
        ]
        count = round(len(everything) * (1 - share) ** n)
        for _, _, name, i in sorted(survivors)[:count]:
            new[name].flat[i] = True
    return new
