"""The mathematics of balancing tasks: weights from losses, or from the gradients' inner products. No state, no task
names.

Tensors are float64 on the CPU. `G` is the Gramian `J J^T` (T, T) of the Jacobian `J` whose row i is the gradient of
task i. State is passed in and returned. No function returns NaN; each states what it does with a zero row.
"""

from .aligned import aligned_weights
from .cagrad import cagrad_weights
from .config_weights import config_weights
from .dual_cone import dual_proj_weights, project_on_dual_cone, upgrad_weights
from .fairness import fair_weights, nash_weights
from .gramian import combine, cosines, gramian, norms
from .imtl import impartial_weights, imtl_g_weights
from .krum import krum_weights
from .min_norm import NORMALISATIONS, Normalisation, mgda_weights, min_norm_weights, normalised_gramian
from .pcd import pcd_weights
from .projecting import gradvac_weights, pcgrad_weights
from .simplex import project_to_simplex
from .smoothing import smoothed_weights
from .stochastic import modo_weights, sdmgrad_weights

__all__ = [
    "NORMALISATIONS",
    "Normalisation",
    "aligned_weights",
    "cagrad_weights",
    "combine",
    "config_weights",
    "cosines",
    "dual_proj_weights",
    "fair_weights",
    "gradvac_weights",
    "gramian",
    "impartial_weights",
    "imtl_g_weights",
    "krum_weights",
    "mgda_weights",
    "min_norm_weights",
    "modo_weights",
    "nash_weights",
    "normalised_gramian",
    "norms",
    "pcd_weights",
    "pcgrad_weights",
    "project_on_dual_cone",
    "project_to_simplex",
    "sdmgrad_weights",
    "smoothed_weights",
    "upgrad_weights",
]
