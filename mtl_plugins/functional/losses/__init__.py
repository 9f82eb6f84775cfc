"""Losses for dense prediction: pure functions that return a mean over the valid pixels of a batch.

Every function takes a prediction of shape (N, C, H, W) first and a target second. If the batch is empty or has no valid
pixel, the loss is exactly 0 and stays connected to the graph with zero gradients. The losses for metric depth and
surface normals ignore pixels whose target is not finite or is 0 in all channels.
"""

from .balanced_binary_cross_entropy import balanced_binary_cross_entropy
from .binary_cross_entropy import binary_cross_entropy, binary_target
from .cosine_distance import cosine_distance
from .cross_entropy import class_target, cross_entropy, resizing_cross_entropy
from .inverse_huber import inverse_huber
from .kl_divergence import kl_divergence
from .l1 import l1
from .masking import masked_mean, masked_target, target_like, valid_pixels, zero_loss
from .scale_invariant_log import scale_invariant_log

__all__ = [
    "balanced_binary_cross_entropy",
    "binary_cross_entropy",
    "binary_target",
    "class_target",
    "cosine_distance",
    "cross_entropy",
    "inverse_huber",
    "kl_divergence",
    "l1",
    "masked_mean",
    "masked_target",
    "resizing_cross_entropy",
    "scale_invariant_log",
    "target_like",
    "valid_pixels",
    "zero_loss",
]
