"""A key-value store that all processes of a training share."""

import os
from datetime import timedelta

import torch.distributed as dist
from mmengine.dist import broadcast_object_list

_TIMEOUT = timedelta(seconds=20)


def open_rank_store(prefix: str) -> dist.Store | None:
    """Open a connection of its own to the store through which the processes found each other.

    Call it in all processes. A connection must not be shared by threads, because a waiting call blocks the others.

    Args:
        prefix: Separates the keys of different users. Processes that torchrun has started again get other keys.

    Returns:
        The store, or None if it cannot be reached.
    """
    start = [os.urandom(8).hex()]
    broadcast_object_list(start)
    host, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    if not host or not port:
        return None
    try:
        store = dist.TCPStore(host, int(port), is_master=False, timeout=_TIMEOUT, wait_for_workers=False)
    except (RuntimeError, ValueError):
        return None
    return dist.PrefixStore(f"mtl_plugins/{prefix}/{start[0]}", store)
