"""The latency benchmark: rows, baseline, differences and the command."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

from mtl_plugins.apis import init_model
from mtl_plugins.backends import build_backend
from mtl_plugins.benchmark import LatencySetting, benchmark_latency, latency_benchmark, memory, part_shares
from mtl_plugins.benchmark.latency_benchmark import plain_network

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"model.neck.channels": 64}
COLUMNS = {"backend", "precision", "height", "width", "batch", "latency_ms_median", "ratio_to_baseline"}
COLUMNS |= {"max_difference", "latency_ms_p10", "latency_ms_p90", "images_per_second", "memory_mb"}


@pytest.fixture(scope="module")
def model():
    return init_model("hydranet_synthrooms", cfg_options=SMALL)


def test_the_table_has_one_row_per_backend_size_and_batch(model):
    setting = LatencySetting([(32, 64), (64, 64)], [1, 2], ["torch"], ["float32", "bf16"], steps=1, rounds=2)
    found = [rows for _, rows in benchmark_latency(model, setting)]
    assert [[(r.height, r.width, r.batch) for r in rows] for rows in found] == [
        [(*size, batch)] * 3 for size in setting.sizes for batch in setting.batches
    ]
    for rows in found:
        assert [(r.backend, r.precision) for r in rows] == [
            ("eager NCHW", "float32"),
            ("torch", "float32"),
            ("torch", "bf16"),
        ]
        plain, ours, rough = rows
        assert plain.ratio_to_baseline == 1 and plain.max_difference == 0
        assert ours.max_difference < 1e-4 < rough.max_difference < 0.2
        assert all(r.latency_ms_p10 <= r.latency_ms_median <= r.latency_ms_p90 for r in rows)


def test_given_images_calibrate_int8_and_outputs_are_compared(model, monkeypatch):
    given, calibrations = [torch.full((3, 20, 30), value, dtype=torch.uint8) for value in (0, 90, 255)], {}

    def build(name, network, size, precision, batch, calibration=None):
        calibrations[precision] = calibration
        return build_backend(name, network, size, "float32", batch)

    monkeypatch.setattr(latency_benchmark, "build_backend", build)
    monkeypatch.setattr(latency_benchmark.BACKENDS["torch"], "precisions", ("float32", "int8"))
    compared = []
    compare = latency_benchmark.compare
    monkeypatch.setattr(latency_benchmark, "compare", lambda *given: compared.append(given[2]) or compare(*given))
    setting = LatencySetting([(32, 64)], [2], ["torch"], steps=1, rounds=1)
    next(benchmark_latency(model, setting, given))
    expected = [model.data_preprocessor.normalise(image[None]).mean((2, 3)) for image in given]
    assert calibrations["float32"] is None and [image.shape for image in calibrations["int8"]] == [(1, 3, 32, 64)] * 3
    for image, colour in zip(calibrations["int8"], expected, strict=True):
        torch.testing.assert_close(image.mean((2, 3)), colour)
    torch.testing.assert_close(compared[0].mean((2, 3)), torch.cat(expected[:2]))


def test_the_baseline_is_not_channel_blocked(model):
    plain = plain_network(model)
    assert plain.finest is None
    assert all(p.is_contiguous() for p in plain.parameters())
    assert not all(p.is_contiguous() for p in model.parameters())  # the model keeps its memory format
    images = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        torch.testing.assert_close(plain(images), model(images))


def test_a_missing_backend_is_reported_in_a_note(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # makes its import fail
    [(section, rows)] = benchmark_latency(
        model, LatencySetting([(32, 32)], backends=["onnxruntime"], steps=1, rounds=1)
    )
    assert len(rows) == 1
    [note] = [note for note in section.notes if note.startswith("onnxruntime float32: not measured: ")]
    assert "pip install 'mtl_plugins[onnx]'" in note


def test_the_shares_of_all_parts_sum_to_one(model):
    shares = part_shares(model, torch.randn(1, 3, 32, 64), steps=1)
    assert sum(shares.values()) == pytest.approx(1)
    assert {"backbone", "neck", "semseg", "depth", "normals", "semseg at image size"} <= set(shares)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(backends=["abacus"]), "unknown backend 'abacus': choose from torch, compile"),
        (dict(backends=["openvin"]), "unknown backend 'openvin': did you mean 'openvino'"),
        (dict(sizes=[(0, 64)]), "1 or more"),
        (dict(batches=[0]), "1 or more"),
        (dict(precisions=["int3"]), "unknown precision 'int3': choose from bf16"),
    ],
)
def test_invalid_settings_raise(options, message):
    with pytest.raises(ValueError, match=message):
        LatencySetting(**options)


def test_peak_memory_includes_the_call():
    held = memory.held_memory(torch.device("cpu"))
    if held is None:
        pytest.skip("this system does not report memory")
    peak = memory.peak_memory(torch.device("cpu"), lambda: torch.ones(64 * 2**18))
    assert 60 <= peak - held <= 100  # 64 MB of float32


def test_the_command_prints_and_writes_the_table(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out" / "speed.json"
    arguments = "benchmark.py hydranet_synthrooms --what latency --backends torch --size 32 64 --steps 1 --rounds 1"
    options = ["--json", str(out), "--cfg-options", "model.neck.channels=64"]
    monkeypatch.setattr(sys, "argv", [*arguments.split(), *options])
    runpy.run_path(str(ROOT / "tools" / "benchmark.py"), run_name="__main__")
    printed, written = capsys.readouterr().out, json.loads(out.read_text())
    assert written["rows"] and all(set(row) == COLUMNS for row in written["rows"])
    figures = written["figures"]["Prediction, 32x64, batch 1"]
    assert figures["flops"] > 1e6 and figures["parameters"] > 1e6 and figures["share_backbone"] > 0
    assert "Prediction, 32x64, batch 1" in printed and "GFLOP" in printed and "eager NCHW" in printed
