import os

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner


def build_runner(cfg: Config) -> Runner:
    """The Runner of a config, on a GPU where there is one, else on the CPU (then with gloo between processes)."""
    if cfg.get("launcher", "none") != "none" and not torch.cuda.is_available():
        _prepare_cpu_processes(cfg)
    return RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)


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
