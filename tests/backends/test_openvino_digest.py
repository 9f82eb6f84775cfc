"""Damaged OpenVINO files are noticed before OpenVINO reads them."""

import random
import shutil

import pytest

from mtl_plugins.backends.openvino_digest import append_digest, check_digest
from tests.fuzzing import flip_bit, fuzz


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "net.xml"
    path.write_text("<net/>\n" * 20)
    path.with_suffix(".bin").write_bytes(random.Random(0).randbytes(400))
    append_digest(path)
    check_digest(path)
    return path


@fuzz(50, 500)
@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_flipped_bit_is_noticed(path, suffix, trials):
    file = path.with_suffix(suffix)
    content = file.read_bytes()
    end = len(content) - (len("<!-- sha256  -->\n") + 129 if suffix == ".xml" else 0)
    generator = random.Random(0)
    for _ in range(trials):
        file.write_bytes(flip_bit(content[:end], generator) + content[end:])
        with pytest.raises(ValueError, match=f"net{suffix} is damaged"):
            check_digest(path)


def test_missing_and_linked_weights_are_refused(path, tmp_path):
    weights = path.with_suffix(".bin")
    elsewhere = tmp_path / "elsewhere" / "x"
    elsewhere.parent.mkdir()
    shutil.move(weights, elsewhere)
    with pytest.raises(ValueError, match="its weights net.bin are missing"):
        check_digest(path)
    weights.symlink_to(elsewhere)
    with pytest.raises(ValueError, match="is a link to another folder"):
        check_digest(path)


def test_files_without_checksums_are_accepted(path):
    path.write_text("<net/>")
    check_digest(path)
