"""Pure tensor functions: losses, metric sums, geometry, encodings of files, painting. No state, no registries.

A new loss goes into `losses/`, a new metric into `<task>_metrics.py`. Registered classes elsewhere stay thin and call
these functions.
"""

from .colour_scale import ColourScale, depth_scale
from .depth_metrics import (
    CROPS,
    depth_scores,
    depth_statistics,
    eigen_crop_mask,
    evaluated_pixels,
    garg_crop_mask,
)
from .depth_png import encode_depth
from .depth_range import mask_depth_range
from .depth_to_normals import depth_to_normals
from .disparity import decode_disparity, disparity_to_depth
from .geometry import depth_to_points, points_to_normals, unpack_intrinsics
from .kb_crop import KB_CROP, kb_crop_window
from .label_rounding import class_labels, depth_labels, merge_classes, normal_labels, quantised_threshold
from .lidar import lidar_projection, points_to_depth
from .losses import (
    balanced_binary_cross_entropy,
    binary_cross_entropy,
    class_target,
    cosine_distance,
    cross_entropy,
    inverse_huber,
    kl_divergence,
    l1,
    masked_mean,
    masked_target,
    resizing_cross_entropy,
    scale_invariant_log,
    valid_pixels,
    zero_loss,
)
from .normal_metrics import angular_error, normal_scores, normal_statistics, valid_normals
from .normals_png import decode_normals, encode_normals
from .painting import (
    DEPTH_COLORMAP,
    HEAT_COLORMAP,
    INVALID_COLOUR,
    colormap_table,
    paint_classes,
    paint_depth,
    paint_generic,
    paint_normals,
    paint_panoptic,
    paint_sparse_depth,
    valid_depth,
)
from .palette import VOID_COLOUR, make_palette
from .resize_edges import resize_edges
from .segmentation_metrics import confusion_matrices, confusion_matrix, segmentation_scores
from .sparse_readings import enlarge_readings, is_sparse, place_over
from .tensor_faults import non_finite, tensor_fault, weight_fault
from .unit_vectors import unit_vectors

__all__ = [
    "CROPS",
    "DEPTH_COLORMAP",
    "HEAT_COLORMAP",
    "INVALID_COLOUR",
    "KB_CROP",
    "VOID_COLOUR",
    "ColourScale",
    "angular_error",
    "balanced_binary_cross_entropy",
    "binary_cross_entropy",
    "class_labels",
    "class_target",
    "colormap_table",
    "confusion_matrices",
    "confusion_matrix",
    "cosine_distance",
    "cross_entropy",
    "decode_disparity",
    "decode_normals",
    "depth_labels",
    "depth_scale",
    "depth_scores",
    "depth_statistics",
    "depth_to_normals",
    "depth_to_points",
    "disparity_to_depth",
    "eigen_crop_mask",
    "encode_depth",
    "encode_normals",
    "enlarge_readings",
    "evaluated_pixels",
    "garg_crop_mask",
    "inverse_huber",
    "is_sparse",
    "kb_crop_window",
    "kl_divergence",
    "l1",
    "lidar_projection",
    "make_palette",
    "mask_depth_range",
    "masked_mean",
    "masked_target",
    "merge_classes",
    "non_finite",
    "normal_labels",
    "normal_scores",
    "normal_statistics",
    "paint_classes",
    "paint_depth",
    "paint_generic",
    "paint_normals",
    "paint_panoptic",
    "paint_sparse_depth",
    "place_over",
    "points_to_depth",
    "points_to_normals",
    "quantised_threshold",
    "resizing_cross_entropy",
    "scale_invariant_log",
    "resize_edges",
    "segmentation_scores",
    "tensor_fault",
    "unit_vectors",
    "unpack_intrinsics",
    "valid_depth",
    "valid_normals",
    "valid_pixels",
    "weight_fault",
    "zero_loss",
]
