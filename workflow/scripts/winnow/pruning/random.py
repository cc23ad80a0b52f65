"""Random masks, the null of all statistics of masks."""

from collections.abc import Sequence

from winnow.masks import check_nested, say_emptied
from winnow.store.tensors import Mask
from winnow.streams import stream


def prune_random(imp: Sequence[Mask], seed: int) -> list[Mask]:
    """Uniformly random masks that keep, array by array, as many parameters as IMP does.

    Args:
        imp: IMP's masks m(1), m(2), …
        seed: seed of the run.

    Returns:
        One mask a round, nested: one random order of each array's parameters gives them all.

    Raises:
        PruningError: IMP's masks are not nested, or not of one network.
    """
    check_nested(imp)
    rank = {
        name: stream("random mask", seed, name).permutation(array.size).reshape(array.shape)
        for name, array in imp[0].items()
    }
    masks = ({name: rank[name] < array.sum() for name, array in mask.items()} for mask in imp)
    return [say_emptied(mask, n) for n, mask in enumerate(masks, start=1)]
