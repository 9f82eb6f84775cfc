import random
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np
import torch


def draw_seed(seed, epoch, index):
    """A seed of 63 bits for the augmentation of one sample in one epoch; the same on every machine."""
    digest = blake2b(f"{seed},{epoch},{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@contextmanager
def seeded_draw(seed):
    """Within the block torch (CPU), numpy and random draw from ``seed``; afterwards they go on as if nothing was."""
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
