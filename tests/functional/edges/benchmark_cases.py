"""Counts of the official BSDS and SEISM code; see the README of `parity/edges`."""

import json

import numpy as np
import pytest

#: The `maxDist` of both axes of the fixtures
MAX_DISTS = (0.0075, 0.011)
CROPS = ("bsds_2018", "bsds_3063", "bsds_6046", "bsds_8068")
SYNTHETIC = (
    "voronoi_shift",
    "voronoi_gaps",
    "shapes_thick",
    "random_noise",
    "tie_identical",
    "empty_pred",
    "empty_gt",
)
SETS = dict(bsds4=CROPS, synth4=SYNTHETIC[:4])


class Benchmark:
    """The arrays of the fixtures by case."""

    def __init__(self, folder):
        self.files = [np.load(folder / name) for name in ("bsds_crops.npz", "synthetic.npz")]
        self.summary = json.loads((folder / "summary.json").read_text())
        self.bsds_thresholds = self.files[0]["bsds_thr"]
        self.seism_thresholds = self.files[0]["seism_thr"].astype(np.float32)
        self.unthinned = self.files[0]["unthinned_thr_index"]

    def __call__(self, case, key):
        return next(file[f"{case}__{key}"] for file in self.files if f"{case}__{key}" in file.files)

    def published(self, pipeline, name, max_dist, thinned=1):
        """The scores of the official code, one dict per run."""
        wanted = dict(pipeline=pipeline, set=name, maxdist=max_dist, thin=thinned)
        found = [row for row in self.summary["official"] if wanted.items() <= row.items()]
        assert found
        return found


@pytest.fixture(scope="module")
def benchmark(shared):
    return Benchmark(shared("parity/edges"))
