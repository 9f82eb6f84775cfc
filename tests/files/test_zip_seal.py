import io
import statistics
import time
import zipfile

import pytest
import torch
from torch import nn

from mtl_plugins.files import SealError, check_seal, seal, write_bytes


def archive(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer


def test_a_sealed_archive_is_a_valid_archive(tmp_path):
    buffer = archive({"a": torch.arange(5.0)})
    seal(buffer)
    path = tmp_path / "a.pth"
    path.write_bytes(buffer.getvalue())
    assert check_seal(path)
    assert zipfile.ZipFile(path).testzip() is None
    assert torch.load(path, weights_only=True)["a"].tolist() == [0, 1, 2, 3, 4]
    assert torch.load(path, weights_only=True, mmap=True)["a"].tolist() == [0, 1, 2, 3, 4]


def test_every_byte_of_a_small_archive_counts(tmp_path):
    buffer = archive({"a": torch.arange(5.0), "b": [1, "x"]})
    seal(buffer)
    data, path = bytearray(buffer.getvalue()), tmp_path / "a.pth"
    for at in range(0, len(data), 3):
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        with pytest.raises(SealError):
            check_seal(path)
        data[at] ^= 1 << at % 8
    for end in range(0, len(data), 17):
        path.write_bytes(data[:end])
        with pytest.raises(SealError):
            check_seal(path)


def test_archives_without_a_seal(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(archive({"a": torch.arange(5.0)}).getvalue())
    assert not check_seal(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.pkl", b"0" * 10**6)
    with pytest.raises(SealError, match="data.pkl is compressed, which torch.save never does"):
        check_seal(path)


@pytest.mark.fuzz  # a measurement, too sensitive for the suite
def test_the_seal_costs_less_than_3_percent_of_a_save(tmp_path):
    net = nn.Sequential(*[nn.Conv2d(64, 64, 3) for _ in range(81)])  # 3 million parameters
    optimizer = torch.optim.AdamW(net.parameters())
    sum(parameter.sum() for parameter in net.parameters()).backward()
    optimizer.step()
    content, saves, seals = dict(state_dict=net.state_dict(), optimizer=optimizer.state_dict()), [], []
    for _ in range(30):
        start = time.perf_counter()
        buffer = archive(content)
        before = time.perf_counter()
        seal(buffer)
        seals.append(time.perf_counter() - before)
        write_bytes(tmp_path / "a.pth", buffer.getvalue())
        saves.append(time.perf_counter() - start - seals[-1])
    print(f"save {1e3 * statistics.median(saves):.1f} ms, seal {1e3 * statistics.median(seals):.1f} ms")
    assert statistics.median(seals) < 0.03 * statistics.median(saves)
