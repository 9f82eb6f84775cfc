import ctypes
import sys

# <malloc.h>: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX
_KEEP = {-1: 2**31 - 1, -2: 64 * 2**20, -4: 0}
# What glibc's own settings come to after some steps: both thresholds grow with the blocks that are freed.
_GIVE_BACK = {-1: 64 * 2**20, -2: 128 * 2**10, -3: 32 * 2**20, -4: 65536}


def keep_freed_memory(keep: bool = True) -> bool:
    """Have the C library keep freed memory for the next allocation; returns whether it could be told so.

    By default glibc hands each large tensor back to the system when it is freed, and the next one is zeroed page by
    page by the kernel: on a CPU that took half of a training step (README, results). The process then holds its peak
    memory until it ends. Does nothing where the C library is not glibc. ``keep=False`` is glibc's way again.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return all(mallopt(option, value) for option, value in (_KEEP if keep else _GIVE_BACK).items())
