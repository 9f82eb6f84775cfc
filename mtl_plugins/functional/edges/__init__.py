"""Evaluation of edge maps as in the BSDS benchmark and in SEISM, in numpy and scipy.

Soft maps are reduced to their maxima (`suppress_non_maxima`), cut at many thresholds, thinned (`thin`) and matched with
the ground truth pixel by pixel (`edge_counts`). `edge_scores` computes ODS, OIS and AP from the counts of all images.
"""

from .counts import edge_counts
from .label_boundaries import label_boundaries
from .label_edges import class_edges, depth_edges, merge_edges
from .matching import Pairs, candidate_pairs, cheapest_matching, count_matches
from .scores import average_precision, edge_scores, f_measure
from .suppress import edge_orientation, suppress_non_maxima
from .thin import thin

__all__ = [
    "Pairs",
    "average_precision",
    "candidate_pairs",
    "cheapest_matching",
    "class_edges",
    "count_matches",
    "depth_edges",
    "edge_counts",
    "edge_orientation",
    "edge_scores",
    "f_measure",
    "label_boundaries",
    "merge_edges",
    "suppress_non_maxima",
    "thin",
]
