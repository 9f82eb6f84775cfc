"""Cross-entropy of class logits, at the logits' size or at the size of the target."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.kernels import fits, resized_cross_entropy


def cross_entropy(
    prediction: Tensor,
    target: Tensor,
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Mean cross-entropy over the pixels that are not void.

    With `class_weight`, this is the weighted mean of `torch.nn.functional.cross_entropy`.

    Args:
        prediction: Logits, (N, C, H, W).
        target: Class ids, (N, 1, H, W) or (N, H, W).
        ignore_index: The id of void pixels, which do not count.
        class_weight: One weight per class, (C,).
        label_smoothing: Share of the target that is spread evenly over all classes, 0 to 1.

    Raises:
        ValueError: The shapes do not match, or the target holds an unknown class id (see `class_target`).

    Examples:
        >>> logits = torch.zeros(1, 2, 1, 2)  # two classes, equally likely
        >>> round(cross_entropy(logits, torch.tensor([[[0, 255]]])).item(), 4)
        0.6931
    """
    class_weight = _matching_class_weight(prediction, class_weight)
    target = class_target(prediction, target, ignore_index)
    weights = _sum_of_weights(target, ignore_index, class_weight)
    if prediction.is_contiguous(memory_format=torch.channels_last):
        # As a list of pixels: PyTorch's kernels for maps would copy the logits to channels-first.
        prediction = prediction.permute(0, 2, 3, 1).reshape(-1, prediction.shape[1])
        target = target.reshape(-1)
    total = F.cross_entropy(
        prediction,
        target,
        class_weight,
        ignore_index=ignore_index,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
    return total / weights


def resizing_cross_entropy(
    prediction: Tensor,
    target: Tensor,
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of logits that are first resized to the target's size (bilinear, `align_corners=False`).

    On the CPU, for channels-last float32 logits and without label smoothing, a custom kernel computes the same loss
    without storing the resized logits.

    Args:
        prediction: Logits of any size, (N, C, h, w).
        target: Class ids, (N, 1, H, W) or (N, H, W).
        ignore_index: The id of void pixels, which do not count.
        class_weight: One weight per class, (C,).
        label_smoothing: See `cross_entropy`.

    Raises:
        ValueError: As `cross_entropy`.
    """
    size = target.shape[-2:]
    if label_smoothing or prediction.shape[-2:] == size or prediction.dtype != torch.float32 or not fits(prediction):
        if prediction.shape[-2:] != size:
            prediction = F.interpolate(prediction, tuple(size), mode="bilinear", align_corners=False)
        return cross_entropy(prediction, target, ignore_index, class_weight, label_smoothing)
    class_weight = _matching_class_weight(prediction, class_weight)
    target = class_target(prediction, target, ignore_index, size)
    weights = _sum_of_weights(target, ignore_index, class_weight)
    if class_weight is None:
        class_weight = prediction.new_ones(prediction.shape[1])
    return resized_cross_entropy(prediction, target.masked_fill(target == ignore_index, -1), class_weight) / weights


def class_target(
    prediction: Tensor, target: Tensor, ignore_index: int = 255, size: tuple[int, int] | torch.Size | None = None
) -> Tensor:
    """The target as int64 class ids (N, H, W), checked against the prediction.

    Args:
        prediction: Logits, (N, C, H, W).
        target: Integer class ids, (N, 1, H, W) or (N, H, W).
        ignore_index: The id of void pixels.
        size: Height and width of the target, if the prediction has another size.

    Raises:
        ValueError: The target has another size or, on the CPU only, holds an id that is neither one of the C classes
            nor `ignore_index`. On other devices this check would synchronise in every step; there, PyTorch's own
            device-side assertion stops the run.
    """
    n, num_classes = prediction.shape[:2]
    height, width = prediction.shape[2:] if size is None else size
    if tuple(target.shape) not in {(n, 1, height, width), (n, height, width)}:
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, but the prediction {tuple(prediction.shape)} "
            f"needs {(n, 1, height, width)} or {(n, height, width)}: resize the prediction to the target first"
        )
    target = target.reshape(n, height, width).long()
    if target.device.type == "cpu" and target.numel() and not torch.compiler.is_compiling():
        known = target.masked_fill(target == ignore_index, 0)
        for found in (int(known.max()), int(known.min())):
            if not 0 <= found < num_classes:
                raise ValueError(
                    f"class id {found} in the target, but the head predicts {num_classes} classes: allowed "
                    f"are 0 to {num_classes - 1}, and {ignore_index} for void. Fix the labels or num_classes"
                )
    return target


def _matching_class_weight(prediction: Tensor, class_weight: Tensor | None) -> Tensor | None:
    if class_weight is None:
        return None
    if len(class_weight) != prediction.shape[1]:
        raise ValueError(
            f"class_weight has {len(class_weight)} values, but the head predicts {prediction.shape[1]} classes"
        )
    return class_weight.to(prediction)


def _sum_of_weights(target: Tensor, ignore_index: int, class_weight: Tensor | None) -> Tensor:
    """Sum of the valid pixels' weights; 1 instead of 0, so that the loss without valid pixels is 0."""
    valid = target != ignore_index
    if class_weight is None:
        return valid.sum().clamp(min=1)
    weight = (class_weight[target.masked_fill(~valid, 0)] * valid).sum()
    return torch.where(weight > 0, weight, 1)
