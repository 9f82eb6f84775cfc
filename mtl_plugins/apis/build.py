"""Building a Runner, also for several processes on CPUs."""

import os

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mtl_plugins.engine import MultiTaskRunner, keep_freed_memory
from mtl_plugins.registry import RUNNERS

_TORCHRUN = "torchrun --nproc-per-node N -m mtl_plugins train CONFIG --launcher pytorch"


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config, on a GPU if available, else on the CPU (with gloo for several processes).

    Raises:
        ValueError: The launcher needs GPUs, the process was not started by `torchrun`, or the runner type cannot
            read checkpoints safely.
    """
    if cfg.get("launcher", "none") != "none":
        _connect_after_restart(cfg)
        if not torch.cuda.is_available():
            _prepare_cpu_processes(cfg)
    if not torch.cuda.is_available():
        keep_freed_memory()
    name = cfg.get("runner_type", "MultiTaskRunner")
    runner = RUNNERS.get(name)
    if runner is None:
        raise ValueError(f"runner_type={name!r} is unknown. Omit it, or name a registered subclass of MultiTaskRunner.")
    if not issubclass(runner, MultiTaskRunner) and (cfg.get("resume") or cfg.get("load_from")):
        raise ValueError(
            f"runner_type={name!r} cannot resume or load a checkpoint, because it would execute code in the file. Omit "
            "runner_type, derive the class from MultiTaskRunner, or train without --resume and load_from."
        )
    return runner.from_cfg(cfg)


def leave_processes() -> None:
    """Destroy the process group, if it exists, together with the other processes.

    A process that ends without this leaves gloo's threads running, and its interpreter occasionally aborts.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _connect_after_restart(cfg: Config) -> None:
    """Connect processes that torchrun has started again on one machine.

    torchrun keeps its store. It still contains the addresses of the processes that have ended, and the new ones would
    wait for those forever. Here the new processes use keys of their own.
    """
    env = os.environ
    restarts = env.get("TORCHELASTIC_RESTART_COUNT", "0")
    if restarts == "0" or env.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or env.get("GROUP_WORLD_SIZE") != "1":
        return
    if torch.distributed.is_initialized():
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(env["LOCAL_RANK"]))
        backend = cfg.get("env_cfg", {}).get("dist_cfg", {}).get("backend", "nccl")
    store = torch.distributed.TCPStore(env["MASTER_ADDR"], int(env["MASTER_PORT"]), is_master=False)
    torch.distributed.init_process_group(
        backend,
        store=torch.distributed.PrefixStore(f"restart_{restarts}", store),
        rank=int(env["RANK"]),
        world_size=int(env["WORLD_SIZE"]),
    )


def _prepare_cpu_processes(cfg: Config) -> None:
    # mmengine's launcher selects a CUDA device before it initialises the process group, and its wrapper gives DDP a
    # device number; both fail on a CPU. An existing process group is kept.
    if cfg.launcher != "pytorch":
        raise ValueError(f"launcher={cfg.launcher!r} needs GPUs. To start N processes on CPUs: {_TORCHRUN}.")
    if not torch.distributed.is_initialized():
        if "RANK" not in os.environ:
            raise ValueError(f"launcher='pytorch' needs torchrun: {_TORCHRUN}.")
        torch.distributed.init_process_group("gloo")
    if cfg.get("model_wrapper_cfg") is None:
        cfg.model_wrapper_cfg = dict(type="MMDistributedDataParallel", broadcast_buffers=False)
    cfg.model_wrapper_cfg.setdefault("device_ids", None)
