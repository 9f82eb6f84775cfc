"""Scale-invariant error of log depth."""

from torch import Tensor

from .masking import masked_target


def scale_invariant_log(prediction: Tensor, target: Tensor, variance_focus: float = 0.85, eps: float = 1e-3) -> Tensor:
    """Scale-invariant log error of depth (Eigen et al., NeurIPS 2014, equation 4).

    With d = log prediction − log target, the loss of an image is mean(d²) − `variance_focus` · mean(d)². Images are
    weighted by their number of valid pixels.

    Args:
        prediction: Depth in metres, (N, 1, H, W). Values below `eps` are clamped and have no gradient, so use a head
            with a positive output.
        target: Depth in metres, (N, 1, H, W) or (N, H, W). Pixels that are 0 or not finite are invalid.
        variance_focus: With 1, the scale of a prediction does not matter; with 0, this is the squared log error. Eigen
            et al. use 0.5, later work 0.85.
        eps: The smallest depth in metres.
    """
    target, valid = masked_target(prediction, target)
    log_ratio = prediction.clamp(min=eps).log() - target.clamp(min=eps).log()
    log_ratio = log_ratio.masked_fill(~valid, 0)
    pixels = valid.sum(dim=(1, 2, 3))
    image_part = (log_ratio.sum(dim=(1, 2, 3)).square() / pixels.clamp(min=1)).sum()
    return (log_ratio.square().sum() - variance_focus * image_part) / pixels.sum().clamp(min=1)
