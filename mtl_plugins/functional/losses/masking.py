"""Valid pixels: what the losses share to ignore pixels without a label."""

from torch import Tensor


def valid_pixels(target: Tensor, zero_is_void: bool = True) -> Tensor:
    """The pixels that have a label: finite in all channels and, by default, not 0 in all channels.

    This is the rule both for metric depth (0 means no reading) and for normals ((0, 0, 0) means unknown).

    Args:
        target: Floating point, (N, C, H, W).
        zero_is_void: Whether a pixel with 0 in all channels is invalid.

    Returns:
        Boolean, (N, 1, H, W).

    Examples:
        >>> import torch
        >>> valid_pixels(torch.tensor([0.0, 2.5, float("nan")]).view(1, 1, 1, 3)).flatten().tolist()
        [False, True, False]
    """
    valid = target.isfinite().all(dim=1, keepdim=True)
    return valid & (target != 0).any(dim=1, keepdim=True) if zero_is_void else valid


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of `values` over the valid pixels and all channels; 0 if no pixel is valid.

    The gradient is finite even where an invalid value is not.

    Args:
        values: (N, C, H, W).
        valid: Boolean, (N, 1, H, W).
    """
    valid = valid.expand_as(values)
    return values.masked_fill(~valid, 0).sum() / valid.sum().clamp(min=1)


def masked_target(prediction: Tensor, target: Tensor, zero_is_void: bool = True) -> tuple[Tensor, Tensor]:
    """The target in the prediction's shape with 0 at invalid pixels, and the mask of the valid pixels.

    The zeros keep NaN and infinity out of the backward pass, where 0 · NaN would be NaN.

    Args:
        prediction: (N, C, H, W).
        target: Floating point, (N, C, H, W), or (N, H, W) if C is 1.
        zero_is_void: See `valid_pixels`.

    Returns:
        The target (N, C, H, W), and a Boolean mask (N, 1, H, W).

    Raises:
        ValueError: The shapes do not match.
    """
    target = target_like(prediction, target)
    valid = valid_pixels(target, zero_is_void)
    return target.masked_fill(~valid, 0), valid


def target_like(prediction: Tensor, target: Tensor) -> Tensor:
    """The target with the prediction's shape: a target (N, H, W) gets a channel dimension.

    Raises:
        ValueError: The shapes do not match.
    """
    if target.dim() == 3:
        target = target.unsqueeze(1)
    if target.shape != prediction.shape:
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, but the prediction has {tuple(prediction.shape)}: "
            "they must be equal. Check the head's out_channels, and resize the prediction to the target first"
        )
    return target


def zero_loss(prediction: Tensor) -> Tensor:
    """Exactly 0, connected to the graph of `prediction` with zero gradients, even if that holds NaN."""
    return prediction[:0].sum()
