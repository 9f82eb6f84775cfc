import torch
from torch import Tensor


def krum_weights(gramian: Tensor, n_byzantine: int = 0, n_selected: int = 1) -> Tensor:
    """The weights of Multi-Krum: the mean of the gradients that are closest to their neighbours.

    The score of a gradient is the sum of the distances to its `T - n_byzantine - 2` closest neighbours. The computation
    is TorchJD's. With fewer than `n_byzantine + 3` gradients the scores are undefined, and all gradients are averaged.

    Reference: Blanchard et al., Machine Learning with Adversaries, NeurIPS 2017.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row competes like the others.
        n_byzantine: How many gradients may be arbitrary.
        n_selected: How many gradients are averaged; at most T.

    Returns:
        Weights (T,) with sum 1: 1 / n_selected for the selected gradients, 0 for the others.
    """
    tasks = len(gramian)
    if tasks < n_byzantine + 3:
        return torch.full_like(gramian.diagonal(), 1 / tasks)
    from torchjd.aggregation import KrumWeighting

    return KrumWeighting(n_byzantine, min(n_selected, tasks))(gramian)
