"""Checkpoints: reading them without executing code, checking them, and comparing them with a model."""

from .check_content import (
    check_content,
    check_meta,
    check_optimizer,
    check_scheduler,
    explained,
    require_resumable,
)
from .check_parts import check_averaged_weights, check_rank_states
from .checks import WrongValueError, describe
from .fetch_checkpoint import fetch_checkpoint, is_address
from .find_checkpoint import POINTER, find_checkpoint, is_complete, is_run_file, newest_other, run_files
from .read_checkpoint import read_checkpoint
from .safe_loaders import safe_loaders
from .state_dicts import (
    StateDictDifference,
    compare_state_dicts,
    extract_state_dict,
    load_weights,
    require_same_model,
    require_usable_weights,
)
from .write_checkpoint import checkpoint_bytes, write_checkpoint

__all__ = [
    "POINTER",
    "StateDictDifference",
    "WrongValueError",
    "check_averaged_weights",
    "check_content",
    "check_meta",
    "check_optimizer",
    "check_rank_states",
    "check_scheduler",
    "checkpoint_bytes",
    "compare_state_dicts",
    "describe",
    "explained",
    "extract_state_dict",
    "fetch_checkpoint",
    "find_checkpoint",
    "is_address",
    "is_complete",
    "is_run_file",
    "load_weights",
    "newest_other",
    "read_checkpoint",
    "require_resumable",
    "require_same_model",
    "require_usable_weights",
    "run_files",
    "safe_loaders",
    "write_checkpoint",
]
