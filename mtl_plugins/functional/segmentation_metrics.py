"""The confusion matrix of class maps, and the scores computed from it."""

import torch
from torch import Tensor


def confusion_matrices(prediction: Tensor, target: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """The confusion matrix of each sample.

    Args:
        prediction: Class ids, (N, …).
        target: Class ids of the same shape, on the same device. Pixels with `ignore_index` do not count.
        num_classes: The number of classes K.
        ignore_index: The id of void pixels.

    Returns:
        int64, (N, K, K); the row is the target's class, the column the predicted class.

    Raises:
        ValueError: The shapes differ, or a pixel that counts has a class id outside 0 to K − 1.
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must have the same shape"
        )
    n = len(target)
    prediction, target = prediction.reshape(n, -1).long(), target.reshape(n, -1).long()
    valid = target != ignore_index
    for what, ids in (("target", target), ("prediction", prediction)):
        outside = ids[valid & ((ids < 0) | (ids >= num_classes))]
        if outside.numel():
            raise ValueError(
                f"class ids {outside.unique().tolist()} in the {what}, allowed are 0 to {num_classes - 1}, "
                f"and in the target {ignore_index} for void. Fix the labels or the number of classes"
            )
    sample = torch.arange(n, device=target.device)[:, None].expand_as(target)
    cell = (sample * num_classes + target) * num_classes + prediction
    counts = torch.bincount(cell[valid], minlength=n * num_classes**2)
    return counts.reshape(n, num_classes, num_classes)


def confusion_matrix(prediction: Tensor, target: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """The confusion matrix over all pixels of two class maps.

    Args:
        prediction: Class ids of any shape.
        target: Class ids of the same shape. Pixels with `ignore_index` do not count.
        num_classes: The number of classes K.
        ignore_index: The id of void pixels.

    Returns:
        int64, (K, K); the row is the target's class, the column the predicted class.

    Raises:
        ValueError: See `confusion_matrices`.

    Examples:
        >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 255]), num_classes=2).tolist()
        [[1, 1], [0, 0]]
    """
    return confusion_matrices(prediction[None], target[None], num_classes, ignore_index)[0]


def segmentation_scores(confusion: Tensor) -> dict[str, float | list[float]]:
    """The scores of a dataset, in percent, from its confusion matrix.

    Args:
        confusion: (K, K), summed over all images; see `confusion_matrix`.

    Returns:
        `mIoU`: mean over the classes that occur in the targets or in the predictions. `pixAcc`: share of the correct
        pixels. `mAcc`: mean over the classes that occur in the targets. `IoU` and `acc`: lists of K values, NaN for
        classes that do not occur.

    Examples:
        >>> segmentation_scores(torch.tensor([[3, 1], [0, 4]]))["pixAcc"]
        87.5
    """
    confusion = confusion.double()
    correct, truth, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    iou = 100 * correct / (truth + predicted - correct)  # 0 / 0 is NaN: the class does not occur
    acc = 100 * correct / truth
    return {
        "mIoU": iou.nanmean().item(),
        "pixAcc": (100 * correct.sum() / truth.sum()).item(),
        "mAcc": acc.nanmean().item(),
        "IoU": iou.tolist(),
        "acc": acc.tolist(),
    }
