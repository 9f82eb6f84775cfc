"""Scores of saliency maps."""

import torch
from torch import Tensor

from .binary_labels import valid_binary
from .structure_measure import structure_measure

#: Thresholds of the F-measure in the evaluation of papers on multi-task learning
THRESHOLDS = tuple(torch.linspace(0.2, 0.9, 15, dtype=torch.float64).tolist())
_BETA_SQUARED = 0.3


def saliency_statistics(prediction: Tensor, target: Tensor) -> Tensor:
    """The measures of each image that `saliency_scores` averages.

    A precision or recall of 0/0 is 0.

    Args:
        prediction: Probabilities, (N, 1, H, W).
        target: 0, 1 and void (see `valid_binary`), (N, 1, H, W).

    Returns:
        float64 (N, 3 + 2 T) with T = len(THRESHOLDS): whether the image has a valid pixel, mean absolute error,
        S-measure, precisions, recalls.
    """
    prediction, valid = prediction[:, 0].double(), valid_binary(target[:, 0])
    salient = (target[:, 0] == 1) & valid
    prediction = prediction.masked_fill(~valid, 0)
    error = (prediction - salient.double()).abs().sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
    structure = [structure_measure(*image) for image in zip(prediction, salient, valid, strict=True)]
    found = torch.stack([prediction > threshold for threshold in THRESHOLDS], dim=1)
    both = (found & salient[:, None]).sum((2, 3)).double()
    precision = both / found.sum((2, 3)).clamp(min=1)
    recall = both / salient.sum((1, 2)).clamp(min=1)[:, None]
    structures = torch.stack(structure) if structure else error.new_zeros(0)
    first = torch.stack([valid.any(2).any(1).double(), error, structures], dim=1)
    return torch.cat([first, precision, recall], dim=1)


def saliency_scores(statistics: Tensor) -> dict[str, float]:
    """Scores of a dataset from the statistics of all images (N, 3 + 2 T).

    Precision and recall are averaged over the images. maxF is the largest F-measure of the averages, with beta² = 0.3.

    Returns:
        `maxF` in percent, `MAE` and `Sm` (S-measure) from 0 to 1; NaN without an image that has a valid pixel.
    """
    of_images = statistics[statistics[:, 0] > 0]
    if not len(of_images):
        return dict.fromkeys(("maxF", "MAE", "Sm"), float("nan"))
    means = of_images.mean(0)
    precision, recall = means[3:].chunk(2)
    f_measure = (1 + _BETA_SQUARED) * precision * recall / (_BETA_SQUARED * precision + recall).clamp(min=1e-12)
    return dict(maxF=100 * float(f_measure.max()), MAE=float(means[1]), Sm=float(means[2]))
