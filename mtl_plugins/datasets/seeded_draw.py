import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np
import torch


def draw_seed(seed: int | str, epoch: int | str, index: int) -> int:
    """A 63-bit seed for the augmentation of one sample in one epoch; equal on every machine.

    Examples:
        >>> draw_seed(0, 0, 0)
        2278555635313361279
    """
    digest = blake2b(f"{seed},{epoch},{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@contextmanager
def seeded_draw(seed: int) -> Iterator[None]:
    """Seed the random generators of torch (CPU), numpy and `random` within a block, and restore them afterwards."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        # not torch.manual_seed: it would seed the GPUs too, which fork_rng(devices=[]) does not restore
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
