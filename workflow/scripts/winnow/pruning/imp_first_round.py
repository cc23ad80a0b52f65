"""The first round of iterative magnitude pruning, which shares the dense training: PyTorch is not needed."""

from winnow.masks import full_mask
from winnow.pruning.criteria.registry import Biases, Pool
from winnow.pruning.scores import prune_by_score, score_parameters
from winnow.store.tensors import Mask, Parameters


def prune_imp_first_round(
    *,
    rewind: Parameters,
    trained: Parameters,
    share: float,
    pool: Pool,
    criterion: str,
    biases: Biases = "pooled",
) -> Mask:
    """m(1), from the dense training that round 1 shares.

    Args:
        rewind: θ(t_rewind).
        trained: θ(T) of the dense training.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`.
        biases: whether they are pruned with the weights, among themselves, or not; see `winnow.pruning.scores`.
    """
    scores = score_parameters(rewind=rewind, trained=trained, criterion=criterion)
    return prune_by_score(scores, full_mask(rewind), 1, share=share, pool=pool, biases=biases)
