"""Balancers: how much each task counts in training."""

from .balance_report import BalanceReport
from .balancer import Balancer
from .balancer_names import balancer_names
from .branch_point import BranchPoint
from .db_mtl import DBMTL
from .dwa import DWA
from .equal import Equal
from .excess_mtl import ExcessMTL
from .famo import FAMO
from .gls import GLS
from .grad_drop import GradDrop
from .grad_norm import GradNorm
from .gradient_balancer import GradientBalancer, GramianBalancer, JacobianBalancer
from .gradient_memory import GradientMemory
from .loss_balancer import LossBalancer
from .moco import MoCo
from .per_task import PerTask, pair_names
from .preference import COSMOS, PBI
from .rlw import RLW
from .stch import STCH, Tchebycheff
from .step_generator import StepGenerator
from .task_losses import TaskLosses
from .uncertainty import IMTLL, UW

__all__ = [
    "COSMOS",
    "DBMTL",
    "DWA",
    "FAMO",
    "GLS",
    "IMTLL",
    "PBI",
    "RLW",
    "STCH",
    "UW",
    "BalanceReport",
    "Balancer",
    "BranchPoint",
    "Equal",
    "ExcessMTL",
    "GradDrop",
    "GradNorm",
    "GradientBalancer",
    "GradientMemory",
    "GramianBalancer",
    "JacobianBalancer",
    "LossBalancer",
    "MoCo",
    "PerTask",
    "StepGenerator",
    "Tchebycheff",
    "TaskLosses",
    "pair_names",
    "balancer_names",
]
