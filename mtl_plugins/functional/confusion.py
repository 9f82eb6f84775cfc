"""The confusion matrix of class maps, and the scores that follow from it."""

import torch


def confusion_matrices(prediction, target, num_classes, ignore_index=255):
    """Confusion matrix of each sample: (N, K, K) int64, row the truth, column the prediction.

    ``prediction`` and ``target``: class ids of one shape (N, …) on one device; pixels whose target is
    ``ignore_index`` are passed over. Raises ValueError for a class id outside 0 … K − 1 in the pixels that
    count.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must have one shape")
    n = len(target)
    prediction, target = prediction.reshape(n, -1).long(), target.reshape(n, -1).long()
    valid = target != ignore_index
    for what, ids in (("target", target), ("prediction", prediction)):
        outside = ids[valid & ((ids < 0) | (ids >= num_classes))]
        if outside.numel():
            raise ValueError(
                f"class ids {outside.unique().tolist()} in the {what}, allowed are 0 to {num_classes - 1}, "
                f"and in the target {ignore_index} for void; mend the labels or the number of classes"
            )
    sample = torch.arange(n, device=target.device)[:, None].expand_as(target)
    cell = (sample * num_classes + target) * num_classes + prediction
    counts = torch.bincount(cell[valid], minlength=n * num_classes**2)
    return counts.reshape(n, num_classes, num_classes)


def confusion_matrix(prediction, target, num_classes, ignore_index=255):
    """Confusion matrix (K, K) int64 over all pixels of two class maps of any one shape; row the truth."""
    return confusion_matrices(prediction[None], target[None], num_classes, ignore_index)[0]


def segmentation_scores(confusion):
    """Scores in percent of a confusion matrix (K, K) of a whole set.

    ``mIoU``: mean over the classes that occur in truth or prediction; ``pixAcc``: share of right pixels;
    ``mAcc``: mean over the classes of the truth; and, per class, ``IoU`` and ``acc``, lists of K, NaN where
    the class does not occur.
    """
    confusion = confusion.double()
    right, truth, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    iou = 100 * right / (truth + predicted - right)  # 0 / 0 is NaN: does not occur
    acc = 100 * right / truth
    return {
        "mIoU": iou.nanmean().item(),
        "pixAcc": (100 * right.sum() / truth.sum()).item(),
        "mAcc": acc.nanmean().item(),
        "IoU": iou.tolist(),
        "acc": acc.tolist(),
    }
