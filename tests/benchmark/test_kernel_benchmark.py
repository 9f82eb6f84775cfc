"""The benchmark of the custom kernels."""

import pytest

from mtl_plugins.benchmark.kernel_benchmark import compare_kernels
from mtl_plugins.kernels import library, warm_up


@pytest.mark.skipif(not warm_up(), reason="the kernels cannot be compiled here")
def test_both_implementations_are_measured():
    section = compare_kernels((32, 40), 1, rounds=1)
    assert len(section.notes) == 8 and all(ratio > 0 for ratio in section.figures.values())
    assert "predicting, backward" not in " ".join(section.figures), "prediction has no backward pass"


def test_missing_kernels_are_reported_in_a_note(monkeypatch):
    monkeypatch.setenv("MTL_KERNELS", "0")
    monkeypatch.setattr(library, "_library", None)
    monkeypatch.setattr(library, "_warmed_up", False)  # as in a new process
    assert "not measured" in compare_kernels((32, 40), 1).notes[0]
