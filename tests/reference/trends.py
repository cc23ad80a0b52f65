"""Page's trend test by going through all orders of all blocks."""

import itertools
from collections.abc import Sequence


def page(blocks: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """L, and the share of all orders of the blocks' levels with an L as large, and as small.  No ties."""

    def weighted(values: Sequence[float]) -> int:
        return sum((k + 1) * (1 + sum(other < value for other in values)) for k, value in enumerate(values))

    found = sum(map(weighted, blocks))
    of_orders = [weighted(order) for order in itertools.permutations(range(len(blocks[0])))]
    sums = [sum(some) for some in itertools.product(of_orders, repeat=len(blocks))]
    rising, falling = (sum(how(total) for total in sums) for how in (found.__le__, found.__ge__))
    return found, rising / len(sums), falling / len(sums)
