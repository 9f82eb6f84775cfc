"""The mathematics of balancing tasks: weights from losses, from the gradients' inner products, or from the gradients.
No state, no task names.

`G` is the Gramian `J J^T` (T, T) of the Jacobian `J` (T, D) whose row i is the gradient of task i. Tensors are float64
on the CPU, but `J` may be anywhere and of another type. State is passed in and returned. No function returns NaN; each
states what it does with a zero row.
"""

from .aligned import SCALE_MODES, ScaleMode, aligned_weights
from .cagrad import cagrad_weights
from .config_weights import config_weights
from .db_mtl import DBMTLState, db_mtl_step
from .dual_cone import dual_proj_weights, project_on_dual_cone, upgrad_weights
from .dwa import dwa_weights
from .excess import ExcessState, excess_step
from .fairness import fair_weights, nash_weights
from .famo import FamoState, famo_objective, famo_update
from .geometric import geometric_objective
from .grad_drop import grad_drop
from .grad_norm import grad_norm_step
from .gramian import combine, cosines, gramian, norms
from .imtl import impartial_weights, imtl_g_weights
from .krum import krum_weights
from .min_norm import NORMALISATIONS, Normalisation, mgda_weights, min_norm_weights, normalised_gramian
from .moco import MoCoState, moco_step
from .pcd import pcd_weights
from .projecting import gradvac_weights, pcgrad_weights
from .random_weights import random_weights
from .scalarize import cosmos_objective, pbi_objective
from .simplex import project_to_simplex
from .smoothing import smoothed_weights
from .stch import log_objective, log_stch_objective, stch_objective
from .stochastic import modo_weights, sdmgrad_weights
from .uncertainty import imtl_l_objective, uncertainty_objective

__all__ = [
    "NORMALISATIONS",
    "SCALE_MODES",
    "DBMTLState",
    "ExcessState",
    "FamoState",
    "MoCoState",
    "Normalisation",
    "ScaleMode",
    "aligned_weights",
    "cagrad_weights",
    "combine",
    "config_weights",
    "cosines",
    "cosmos_objective",
    "db_mtl_step",
    "dual_proj_weights",
    "dwa_weights",
    "excess_step",
    "fair_weights",
    "famo_objective",
    "famo_update",
    "geometric_objective",
    "grad_drop",
    "grad_norm_step",
    "gradvac_weights",
    "gramian",
    "impartial_weights",
    "imtl_g_weights",
    "imtl_l_objective",
    "krum_weights",
    "log_objective",
    "log_stch_objective",
    "mgda_weights",
    "min_norm_weights",
    "moco_step",
    "modo_weights",
    "nash_weights",
    "normalised_gramian",
    "norms",
    "pbi_objective",
    "pcd_weights",
    "pcgrad_weights",
    "project_on_dual_cone",
    "project_to_simplex",
    "random_weights",
    "sdmgrad_weights",
    "smoothed_weights",
    "stch_objective",
    "uncertainty_objective",
    "upgrad_weights",
]
