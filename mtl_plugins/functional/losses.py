"""Losses of dense prediction, each a mean over the **valid** pixels of the batch.

Shapes: prediction (N, C, H, W) floating point; target as each function says. With no valid pixel, or an empty
batch, every function gives exactly 0, joined to the graph with zero gradients.
"""

import torch
import torch.nn.functional as F

from mtl_plugins.kernels import fits, resized_cross_entropy

from .unit_vectors import unit_vectors


def valid_pixels(target, zero_is_void=True):
    """(N, 1, H, W) bool: where a float target is finite in all channels and, by default, not 0 in all.

    That is the rule of metric depth (0: no reading) and of normals ((0, 0, 0): unknown) alike.
    """
    valid = target.isfinite().all(dim=1, keepdim=True)
    return valid & (target != 0).any(dim=1, keepdim=True) if zero_is_void else valid


def masked_mean(values, valid):
    """Mean of ``values`` (N, C, H, W) where ``valid`` (N, 1, H, W), with finite gradients; 0 if nowhere."""
    valid = valid.expand_as(values)
    return values.masked_fill(~valid, 0).sum() / valid.sum().clamp(min=1)


def no_loss(prediction):
    """Exactly 0, joined to the graph of ``prediction`` with zero gradients, whatever values that holds."""
    return prediction[:0].sum()


def class_map(prediction, target, ignore_index=255, size=None):
    """The target of ``prediction`` (N, C, H, W), integers (N, 1, H, W) or (N, H, W), as int64 (N, H, W).

    ``size``: (H, W), where the prediction will be brought to another size.

    Raises ValueError for another size and, on the CPU only (elsewhere it would cost a synchronisation each
    step; CUDA's own assertion stops there), for a class id that is neither one of the C classes nor
    ``ignore_index``.
    """
    n, num_classes = prediction.shape[:2]
    size = prediction.shape[2:] if size is None else size
    if tuple(target.shape) not in {(n, 1, *size), (n, *size)}:
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, but the prediction {tuple(prediction.shape)} "
            f"wants {(n, 1, *size)} or {(n, *size)}: resize the prediction to the target first"
        )
    target = target.reshape(n, *size).long()
    if target.device.type == "cpu" and target.numel() and not torch.compiler.is_compiling():
        known = target.masked_fill(target == ignore_index, 0)
        for found in (int(known.max()), int(known.min())):
            if not 0 <= found < num_classes:
                raise ValueError(
                    f"class id {found} in the target, but the head predicts {num_classes} classes: allowed "
                    f"are 0 to {num_classes - 1}, and {ignore_index} for void; mend the labels or num_classes"
                )
    return target


def cross_entropy(prediction, target, ignore_index=255, class_weight=None, label_smoothing=0.0):
    """Cross-entropy of logits, averaged by the pixels' class weights as torch's own is.

    ``target``: class ids, (N, 1, H, W) or (N, H, W), ``ignore_index`` void; ``class_weight``: (C,) or None.
    """
    class_weight = _class_weight(prediction, class_weight)
    target = class_map(prediction, target, ignore_index)
    weights = _sum_of_weights(target, ignore_index, class_weight)
    if prediction.is_contiguous(memory_format=torch.channels_last):
        # a list of pixels, the classes last: torch's kernels for maps would copy the logits to channels-first
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


def resizing_cross_entropy(prediction, target, ignore_index=255, class_weight=None, label_smoothing=0.0):
    """``cross_entropy`` of logits (N, C, h, w) resized to the target's size (bilinear, align_corners=False).

    On the CPU, channels-last and without smoothing, no logits of that size are made.
    """
    size = target.shape[-2:]
    if label_smoothing or prediction.shape[-2:] == size or prediction.dtype != torch.float32 or not fits(prediction):
        if prediction.shape[-2:] != size:
            prediction = F.interpolate(prediction, tuple(size), mode="bilinear", align_corners=False)
        return cross_entropy(prediction, target, ignore_index, class_weight, label_smoothing)
    class_weight = _class_weight(prediction, class_weight)
    target = class_map(prediction, target, ignore_index, size)
    weights = _sum_of_weights(target, ignore_index, class_weight)
    if class_weight is None:
        class_weight = prediction.new_ones(prediction.shape[1])
    return resized_cross_entropy(prediction, target.masked_fill(target == ignore_index, -1), class_weight) / weights


def _class_weight(prediction, class_weight):
    if class_weight is None:
        return None
    if len(class_weight) != prediction.shape[1]:
        raise ValueError(
            f"class_weight has {len(class_weight)} values, the head predicts {prediction.shape[1]} classes"
        )
    return class_weight.to(prediction)


def _sum_of_weights(target, ignore_index, class_weight):
    """Of the valid pixels; 1 where there are none, whose loss is 0."""
    valid = target != ignore_index
    if class_weight is None:
        return valid.sum().clamp(min=1)
    weight = (class_weight[target.masked_fill(~valid, 0)] * valid).sum()
    return torch.where(weight > 0, weight, 1)


def kl_divergence(prediction, target, temperature=1.0):
    """Mean over the pixels of KL(teacher || student) of logits (N, C, H, W) divided by ``temperature``.

    Multiplied by temperature², as in Hinton et al., 2015, so that its gradients keep their size.
    """
    if target.shape != prediction.shape:
        raise ValueError(
            f"the teacher's logits have the shape {tuple(target.shape)}, the student's {tuple(prediction.shape)}: "
            "soft targets want the same classes and the same stride; use hard labels where they differ"
        )
    if prediction.numel() == 0:
        return no_loss(prediction)
    student = F.log_softmax(prediction / temperature, dim=1)
    teacher = F.log_softmax(target.to(prediction.dtype) / temperature, dim=1)
    pixels = prediction.numel() // prediction.shape[1]
    return F.kl_div(student, teacher, reduction="sum", log_target=True) * temperature**2 / pixels


def binary_cross_entropy(prediction, target, ignore_index=255, pos_weight=None):
    """Binary cross-entropy of logits (N, C, H, W) with a target of that shape, or (N, H, W) if C is 1.

    The target is 0 … 1, integer or float; ``ignore_index`` and whatever is not finite is void. On the CPU
    another value raises ValueError. ``pos_weight`` multiplies the part of the positives.
    """
    target = like(prediction, target).to(prediction.dtype)
    valid = target.isfinite() & (target != ignore_index)
    target = target.masked_fill(~valid, 0)
    if target.device.type == "cpu" and target.numel() and not torch.compiler.is_compiling():
        low, high = float(target.min()), float(target.max())
        if low < 0 or high > 1:
            raise ValueError(
                f"a binary target holds values from {low:g} to {high:g}, allowed are 0 to 1, "
                f"and {ignore_index} for void; scale the labels"
            )
    if pos_weight is not None:
        pos_weight = torch.as_tensor(pos_weight, dtype=prediction.dtype, device=prediction.device)
    loss = F.binary_cross_entropy_with_logits(prediction, target, reduction="none", pos_weight=pos_weight)
    return masked_mean(loss, valid)


def l1(prediction, target, zero_is_void=True):
    """Mean absolute error over the valid pixels and their channels, in the target's unit."""
    target, valid = label_and_valid(prediction, target, zero_is_void)
    return masked_mean((prediction - target).abs(), valid)


def inverse_huber(prediction, target, threshold=0.2):
    """Inverse Huber (berHu) loss, Laina et al., 3DV 2016, eq. 1-2: |e| up to c, (e² + c²) / 2c beyond it.

    c is ``threshold`` times the largest error among the batch's valid pixels, taken as a constant.
    """
    target, valid = label_and_valid(prediction, target)
    if prediction.numel() == 0:
        return no_loss(prediction)
    error = (prediction - target).abs().masked_fill(~valid, 0)
    c = threshold * error.detach().amax()
    c = c.clamp(min=torch.finfo(error.dtype).eps)  # a perfect prediction has c = 0
    return masked_mean(torch.where(error <= c, error, (error.square() + c.square()) / (2 * c)), valid)


def scale_invariant_log(prediction, target, variance_focus=0.85, eps=1e-3):
    """Scale-invariant log error, Eigen et al., NeurIPS 2014, eq. 4, for depth (N, 1, H, W).

    With d = log prediction − log target: mean(d²) − ``variance_focus`` · mean(d)² in each image, images
    weighted by their valid pixels. At ``variance_focus`` 1 a prediction's scale does not matter, at 0 it is
    the squared log error; Eigen took 0.5, later work 0.85. Predictions are clamped below at ``eps``, and have
    no gradient there: use a head whose output is positive.
    """
    target, valid = label_and_valid(prediction, target)
    log_ratio = prediction.clamp(min=eps).log() - target.clamp(min=eps).log()
    log_ratio = log_ratio.masked_fill(~valid, 0)
    pixels = valid.sum(dim=(1, 2, 3))
    image_part = (log_ratio.sum(dim=(1, 2, 3)).square() / pixels.clamp(min=1)).sum()
    return (log_ratio.square().sum() - variance_focus * image_part) / pixels.sum().clamp(min=1)


def cosine_distance(prediction, target, eps=1e-6):
    """1 − cos of the angle between the raw prediction and the target, 0 … 2; for normals (N, 3, H, W)."""
    target, valid = label_and_valid(prediction, target)
    prediction, target = unit_vectors(prediction, eps=eps), unit_vectors(target, eps=eps)
    return masked_mean(1 - (prediction * target).sum(dim=1, keepdim=True), valid)


def label_and_valid(prediction, target, zero_is_void=True):
    """A float target in the shape of the prediction, 0 where it is void, and its valid pixels (N, 1, H, W).

    The zeros keep NaN and infinity of void pixels out of the backward pass, where 0 · NaN would be NaN.
    """
    target = like(prediction, target)
    valid = valid_pixels(target, zero_is_void)
    return target.masked_fill(~valid, 0), valid


def like(prediction, target):
    """The target in the shape of the prediction (a missing channel of one is added), or a ValueError."""
    if target.dim() == 3:
        target = target.unsqueeze(1)
    if target.shape != prediction.shape:
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, the prediction {tuple(prediction.shape)}: "
            "they must agree; check the head's out_channels, and resize the prediction to the target first"
        )
    return target
