"""Balancers: how much each task counts in training."""

from .balance_report import BalanceReport
from .balancer import Balancer
from .balancer_names import balancer_names
from .branch_point import BranchPoint
from .equal import Equal
from .gradient_balancer import GradientBalancer, GramianBalancer, JacobianBalancer
from .loss_balancer import LossBalancer
from .per_task import PerTask, pair_names
from .task_losses import TaskLosses

__all__ = [
    "BalanceReport",
    "Balancer",
    "BranchPoint",
    "Equal",
    "GradientBalancer",
    "GramianBalancer",
    "JacobianBalancer",
    "LossBalancer",
    "PerTask",
    "TaskLosses",
    "balancer_names",
    "pair_names",
]
