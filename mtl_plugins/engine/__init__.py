"""Training: safe and atomic checkpoints, hooks, mixed precision, distillation."""

from mtl_plugins.unwrap_model import unwrap_model

from .atomic_backend import ATOMIC_BACKEND, AtomicLocalBackend
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .bad_samples_hook import BAD_SAMPLES_FILE, BadSamplesHook
from .balance_hook import BalanceHook
from .checkpoint import (
    StateDictDifference,
    check_meta,
    compare_state_dicts,
    extract_state_dict,
    find_checkpoint,
    load_weights,
    read_checkpoint,
    require_same_model,
    safe_loaders,
    write_checkpoint,
)
from .console import is_for_console, quiet_console
from .distillation import DistillationHook, Teacher, TeacherError
from .early_stopping_hook import EarlyStoppingHook
from .freed_memory import keep_freed_memory
from .heartbeat_hook import HeartbeatHook
from .input_scale_hook import InputScaleHook
from .label_presence_hook import LabelPresenceHook
from .label_ranges_hook import LabelRangesHook
from .label_shares_hook import LabelSharesHook
from .layer_decay import LayerDecayOptimWrapperConstructor
from .loops import ResumableEpochLoop, ResumableIterLoop
from .multi_task_runner import MultiTaskRunner
from .non_finite_loss_hook import NonFiniteLossError, NonFiniteLossHook
from .normalisation import check_normalisation, normalisation_of
from .optim_wrapper import AutocastOptimWrapper, autocast_context, cpu_has_bfloat16, resolve_precision
from .preemption_hook import PreemptionHook
from .read_config import import_custom_modules, read_config
from .seed_iteration_hook import SeedIterationHook, mix_seed
from .sync_buffers_hook import SyncAllBuffersHook
from .typical_depth_hook import TypicalDepthHook

__all__ = [
    "ATOMIC_BACKEND",
    "AtomicCheckpointHook",
    "AtomicLocalBackend",
    "AutocastOptimWrapper",
    "BAD_SAMPLES_FILE",
    "BadSamplesHook",
    "BalanceHook",
    "DistillationHook",
    "EarlyStoppingHook",
    "HeartbeatHook",
    "InputScaleHook",
    "LabelPresenceHook",
    "LabelRangesHook",
    "LabelSharesHook",
    "LayerDecayOptimWrapperConstructor",
    "MultiTaskRunner",
    "NonFiniteLossError",
    "NonFiniteLossHook",
    "ResumableEpochLoop",
    "ResumableIterLoop",
    "PreemptionHook",
    "SeedIterationHook",
    "StateDictDifference",
    "SyncAllBuffersHook",
    "TypicalDepthHook",
    "Teacher",
    "TeacherError",
    "autocast_context",
    "check_meta",
    "check_normalisation",
    "compare_state_dicts",
    "cpu_has_bfloat16",
    "extract_state_dict",
    "find_checkpoint",
    "import_custom_modules",
    "is_for_console",
    "keep_freed_memory",
    "load_weights",
    "mix_seed",
    "normalisation_of",
    "quiet_console",
    "read_checkpoint",
    "read_config",
    "require_same_model",
    "resolve_precision",
    "safe_loaders",
    "unwrap_model",
    "write_checkpoint",
]
