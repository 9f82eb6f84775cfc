"""Balancers: how much each task counts in training."""

from .aligned_mtl import AlignedMTL
from .balance_report import BalanceReport
from .balancer import Balancer
from .balancer_names import balancer_names
from .branch_point import BranchPoint
from .build_balancer import build_balancer
from .cagrad import CAGrad
from .db_mtl import DBMTL
from .dual_cone import DualProj, UPGrad
from .dwa import DWA
from .equal import Equal
from .equal_projections import IMTLG, ConFIG
from .excess_mtl import ExcessMTL
from .fairness import FairGrad, NashMTL
from .famo import FAMO
from .gls import GLS
from .grad_drop import GradDrop
from .grad_norm import GradNorm
from .gradient_balancer import GradientBalancer, GramianBalancer, JacobianBalancer
from .gradient_memory import GradientMemory
from .krum import Krum
from .loss_balancer import LossBalancer
from .mgda import MGDA
from .moco import MoCo
from .pcd import PCD
from .per_task import PerTask, pair_names
from .preference import COSMOS, PBI
from .projecting import GradVac, PCGrad
from .rlw import RLW
from .stch import STCH, Tchebycheff
from .step_generator import StepGenerator
from .stochastic import MoDo, SDMGrad
from .task_losses import TaskLosses
from .uncertainty import IMTLL, UW

__all__ = [
    "COSMOS",
    "DBMTL",
    "DWA",
    "FAMO",
    "GLS",
    "IMTLG",
    "IMTLL",
    "MGDA",
    "PBI",
    "PCD",
    "RLW",
    "STCH",
    "UW",
    "AlignedMTL",
    "BalanceReport",
    "Balancer",
    "BranchPoint",
    "CAGrad",
    "ConFIG",
    "DualProj",
    "Equal",
    "ExcessMTL",
    "FairGrad",
    "GradDrop",
    "GradNorm",
    "GradVac",
    "GradientBalancer",
    "GradientMemory",
    "GramianBalancer",
    "JacobianBalancer",
    "Krum",
    "LossBalancer",
    "MoCo",
    "MoDo",
    "NashMTL",
    "PCGrad",
    "PerTask",
    "SDMGrad",
    "StepGenerator",
    "TaskLosses",
    "Tchebycheff",
    "UPGrad",
    "balancer_names",
    "build_balancer",
    "pair_names",
]
