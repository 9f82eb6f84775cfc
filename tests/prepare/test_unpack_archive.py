import gzip
import io
import os
import tarfile
import zipfile

import numpy as np
import pytest

from mtl_plugins.datasets import DataError
from mtl_plugins.prepare.unpack_archive import unpack_archive

RNG = np.random.default_rng(0)
FILES = {f"set/{folder}/{i}.png": RNG.bytes(2000 + 512 * i) for folder in "ab" for i in range(4)} | {"set/none": b""}
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


def pack(path, files=FILES):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:].replace('tar', '')}") as archive:
        folder = tarfile.TarInfo("set")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=KINDS)
def archive(request, tmp_path):
    return pack(tmp_path / f"data.{request.param}")


def test_all_files_are_unpacked(archive, tmp_path):
    out = tmp_path / "out"
    paths = unpack_archive(archive, out, show=False)
    assert contents(out) == FILES
    assert [path.relative_to(out).as_posix() for path in paths] == list(FILES)


def test_select_skips_and_renames(archive, tmp_path):
    out = tmp_path / "out"
    unpack_archive(archive, out, lambda name: name.removeprefix("set/") if "/a/" in name else None, show=False)
    assert contents(out) == {f"a/{i}.png": FILES[f"set/a/{i}.png"] for i in range(4)}


def test_a_second_run_writes_only_missing_files(archive, tmp_path):
    out = tmp_path / "out"
    unpack_archive(archive, out, show=False)
    gone, short = out / "set/a/2.png", out / "set/b/1.png"
    gone.unlink()
    short.write_bytes(b"half")
    for path in out.rglob("*"):
        os.utime(path, (1, 1))
    unpack_archive(archive, out, show=False)
    assert contents(out) == FILES
    assert {path for path in out.rglob("*") if path.is_file() and path.stat().st_mtime > 1} == {gone, short}


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_keeps_complete_files(archive, tmp_path, kept):
    out, complete = tmp_path / "out", archive.read_bytes()
    archive.write_bytes(complete[: int(len(complete) * kept)])
    if archive.suffix == ".tar" and kept == 0.999:  # only zeros at the end are cut off, no content
        return
    with pytest.raises(DataError, match=rf"{archive.name} is damaged, truncated.*download it again"):
        unpack_archive(archive, out, show=False)
    assert contents(out).items() <= FILES.items(), "no half-written file"
    archive.write_bytes(complete)
    unpack_archive(archive, out, show=False)
    assert contents(out) == FILES


def test_a_tar_truncated_between_two_members(tmp_path):
    archive = pack(tmp_path / "data.tar")
    with tarfile.open(archive) as tar:
        end = tar.getmembers()[4].offset
    archive.write_bytes(archive.read_bytes()[:end])
    with pytest.raises(DataError, match="data.tar .*at set/a/2.png"):
        unpack_archive(archive, tmp_path / "out", show=False)


def test_a_wrong_checksum_names_archive_and_member(tmp_path):
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as file:  # uncompressed, so that only the checksum reveals the damage
        for name, data in FILES.items():
            file.writestr(name, data)
    archive.write_bytes(archive.read_bytes().replace(FILES["set/b/0.png"][:50], bytes(50)))
    with pytest.raises(DataError, match=r"data.zip .*at set/b/0.png: Bad CRC-32"):
        unpack_archive(archive, tmp_path / "out", show=False)
    assert len(contents(tmp_path / "out")) == 4


def test_a_wrong_checksum_at_the_end_of_a_gz(tmp_path):
    archive = pack(tmp_path / "data.tar.gz")
    data = bytearray(archive.read_bytes())
    data[-8] ^= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match="data.tar.gz .*CRC"):
        unpack_archive(archive, tmp_path / "out", show=False)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_raises_or_is_harmless(tmp_path, kind):
    complete = pack(tmp_path / f"complete.{kind}").read_bytes()
    for seed in range(40):
        data = bytearray(complete)
        data[np.random.default_rng(seed).integers(len(data))] ^= 0x5A
        archive = tmp_path / f"data.{kind}"
        archive.write_bytes(data)
        try:
            unpack_archive(archive, tmp_path / "out", show=False)
        except DataError as error:
            assert str(archive) in str(error)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_outside_the_folder_raise(tmp_path, name, kind):
    archive = pack(tmp_path / f"data.{kind}", {"good": b"1", name: b"2"})
    before = set(tmp_path.iterdir())
    with pytest.raises(DataError, match="would be written outside the folder"):
        unpack_archive(archive, tmp_path / "in" / "out", show=False)
    assert set(tmp_path.iterdir()) - before == {tmp_path / "in"}
    assert contents(tmp_path / "in") == {"out/good": b"1"}


def test_links_and_encrypted_members_raise(tmp_path):
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(DataError, match="'link' is a link"):
        unpack_archive(tmp_path / "data.tar", tmp_path / "out", show=False)
    data = bytearray(pack(tmp_path / "data.zip", {"a": b"1"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "data.zip").write_bytes(data)
    with pytest.raises(DataError, match="'a' is encrypted"):
        unpack_archive(tmp_path / "data.zip", tmp_path / "out", show=False)


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"PK no zip", gzip.compress(b"no tar")])
def test_not_an_archive(tmp_path, content):
    (tmp_path / "data.zip").write_bytes(content)
    with pytest.raises(DataError, match="data.zip is damaged, truncated or not a zip or tar .at its very start"):
        unpack_archive(tmp_path / "data.zip", tmp_path / "out", show=False)
    with pytest.raises(FileNotFoundError, match="archive .*gone.zip does not exist"):
        unpack_archive(tmp_path / "gone.zip", tmp_path / "out")


def test_progress_shows_a_bar(archive, tmp_path, capsys):
    unpack_archive(archive, tmp_path / "out")
    assert archive.name in capsys.readouterr().out
