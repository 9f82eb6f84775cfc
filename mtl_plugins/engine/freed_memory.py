"""Reusing freed memory on the CPU."""

import ctypes
import sys

# <malloc.h>: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX
_KEEP = {-1: 2**31 - 1, -2: 64 * 2**20, -4: 0}
# The values that glibc reaches after some steps: both thresholds grow with the freed blocks.
_RETURN = {-1: 64 * 2**20, -2: 128 * 2**10, -3: 32 * 2**20, -4: 65536}


def keep_freed_memory(keep: bool = True) -> bool:
    """Let the C library keep freed memory for the next allocation.

    By default, glibc returns the memory of large tensors to the system, and the kernel zeroes each page of the next
    one; on a CPU this took half of a training step. With `keep`, the process holds its peak memory until it ends.

    Args:
        keep: Whether to keep freed memory; `False` restores glibc's default.

    Returns:
        Whether the setting was applied; `False` if the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has no mallopt
        return False
    return all(mallopt(option, value) for option, value in (_KEEP if keep else _RETURN).items())
