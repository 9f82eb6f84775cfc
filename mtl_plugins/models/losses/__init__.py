"""Losses for the `loss` of a head; `DenseLoss` is the base class of all."""

from .balanced_bce import BalancedBCELoss
from .base import DenseLoss
from .binary_cross_entropy import BinaryCrossEntropyLoss
from .cosine import CosineLoss
from .cross_entropy import CrossEntropyLoss
from .inverse_huber import InverseHuberLoss
from .kl_divergence import KLDivergenceLoss
from .l1 import L1Loss
from .panoptic import CentreLoss, OffsetLoss, SegmentClassLoss
from .scale_invariant_log import ScaleInvariantLogLoss
from .smp import DiceLoss, FocalLoss, LovaszLoss

__all__ = [
    "BalancedBCELoss",
    "BinaryCrossEntropyLoss",
    "CentreLoss",
    "CosineLoss",
    "CrossEntropyLoss",
    "DenseLoss",
    "DiceLoss",
    "FocalLoss",
    "InverseHuberLoss",
    "KLDivergenceLoss",
    "L1Loss",
    "LovaszLoss",
    "OffsetLoss",
    "ScaleInvariantLogLoss",
    "SegmentClassLoss",
]
