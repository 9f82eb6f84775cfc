"""The parity fixtures of task interaction: weights by their rule, and our names of the weights."""

import json
import math
import re
from pathlib import Path

import numpy as np
import torch

# Names of the weights of a residual block in ResNets, and in `ResidualBlock`.
_BLOCK = {"conv1": "body.0", "bn1": "body.1", "conv2": "body.3", "bn2": "body.4", "conv3": "body.6", "bn3": "body.7"}


class InteractionFixtures:
    """Weights and tensors of the fixtures in `folder`."""

    def __init__(self, folder: Path):
        self.keys = json.loads((folder / "keys.json").read_text())
        self.tensors = np.load(folder / "io.npz")

    def weights(self, name):
        """The weights of a set by their original names, float64."""
        return {key: _by_rule(number, key, shape) for number, key, shape, *_ in self.keys[name]}

    def check(self, name, tensor, tolerance=1e-9):
        """Compare a tensor with the stored one."""
        found = tensor.detach()
        assert tuple(found.shape) == tuple(self.tensors[f"{name}|shape"])
        flat = found.double().flatten().numpy()
        key = f"{name}|full"
        stored = self.tensors[key] if key in self.tensors else self.tensors[f"{name}|sample"]
        own = flat if key in self.tensors else flat[::97]
        assert np.abs(own - stored.flatten()).max() < tolerance
        sums = (flat.sum(), np.abs(flat).sum(), (flat * np.cos(0.1 * np.arange(flat.size))).sum())
        np.testing.assert_allclose(sums, self.tensors[f"{name}|check"], rtol=1e-9, atol=tolerance * flat.size**0.5)


def random(seed, *shape):
    """The inputs of the fixtures."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def our_block_names(weights):
    """The weights with the names of `ResidualBlock` in place of those of ResNets."""
    renamed = {}
    for key, value in weights.items():
        key = re.sub(r"\b(conv[123]|bn[123])\b", lambda match: _BLOCK[match[1]], key)
        renamed[key.replace("downsample", "skip")] = value
    return renamed


def joined_convs(weights, prefix, into):
    """The convolutions of `MultiModalDistillation` from `<prefix><target>.<source>.conv|attention.0.weight`."""
    found = {}
    for key, value in weights.items():
        if key.startswith(prefix):
            target, source, kind, *_ = key.removeprefix(prefix).split(".")
            found.setdefault(source, {}).setdefault(kind, []).append((target, value))
    return {
        f"{into}convs.{source}.weight": torch.cat([value for kind in ("conv", "attention") for _, value in kinds[kind]])
        for source, kinds in found.items()
    }


def load(module, weights):
    """Load all weights, and make the module float64 in evaluation mode. Counters of batches may be missing."""
    module = module.double().eval()
    missing, unexpected = module.load_state_dict(weights, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    return module


def _by_rule(number, name, shape):
    generator = torch.Generator().manual_seed(number)
    options = dict(generator=generator, dtype=torch.float64)
    if name.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    if len(shape) >= 2:
        return torch.randn(shape, **options) * math.sqrt(1 / math.prod(shape[1:]))
    if name.endswith("running_var"):
        return torch.rand(shape, **options) + 0.5
    if name.endswith("weight"):
        return torch.rand(shape, **options) * 0.5 + 0.5
    return torch.randn(shape, **options) * 0.1
