import os

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mtl_plugins.engine import keep_freed_memory
from mtl_plugins.registry import RUNNERS


def build_runner(cfg: Config) -> Runner:
    """The Runner of a config, on a GPU where there is one, else on the CPU (then with gloo between processes)."""
    if cfg.get("launcher", "none") != "none" and not torch.cuda.is_available():
        _prepare_cpu_processes(cfg)
    if not torch.cuda.is_available():
        keep_freed_memory()
    runner = RUNNERS.get(cfg.get("runner_type", "MultiTaskRunner"))
    return runner.from_cfg(cfg)


def leave_processes() -> None:
    """End the process group, if there is one, together with the other processes.

    A process that just ends leaves gloo's threads running; its interpreter now and then aborts on them.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _prepare_cpu_processes(cfg):
    # mmengine's launcher selects a CUDA device before it joins the processes, and its wrapper hands DDP a device
    # number: neither is there on a CPU. A process group that exists already is left as it is.
    if cfg.launcher != "pytorch":
        raise ValueError(
            f"launcher={cfg.launcher!r} needs GPUs. Processes on CPUs are started with "
            f"tools/dist_train.sh CONFIG N (launcher 'pytorch')."
        )
    if not torch.distributed.is_initialized():
        if "RANK" not in os.environ:
            raise ValueError("launcher='pytorch' is meant to be started by torchrun: use tools/dist_train.sh CONFIG N.")
        torch.distributed.init_process_group("gloo")
    if cfg.get("model_wrapper_cfg") is None:
        cfg.model_wrapper_cfg = dict(type="MMDistributedDataParallel", broadcast_buffers=False)
    cfg.model_wrapper_cfg.setdefault("device_ids", None)
