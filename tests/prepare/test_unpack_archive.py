import gzip
import io
import os
import stat
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest

from mtl_plugins.datasets import DataError
from mtl_plugins.prepare.unpack_archive import unpack_archive

from ..fuzzing import fuzz, mutations

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


@pytest.mark.parametrize(
    "name",
    ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil", "//evil", "//../evil", "\\\\server\\evil", "a/.."],
)
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


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"PK no zip", gzip.compress(b"no tar", mtime=0)])
def test_not_an_archive(tmp_path, content):
    (tmp_path / "data.zip").write_bytes(content)
    with pytest.raises(DataError, match="data.zip is damaged, truncated or not a zip or tar .at its very start"):
        unpack_archive(tmp_path / "data.zip", tmp_path / "out", show=False)
    with pytest.raises(FileNotFoundError, match="archive .*gone.zip does not exist"):
        unpack_archive(tmp_path / "gone.zip", tmp_path / "out")


def refused(archive, out, message, **options):
    """The archive is refused with one sentence, and nothing outside of `out` changes."""
    before = contents_of_everything(archive.parent, out)
    with pytest.raises(DataError, match=message) as caught:
        unpack_archive(archive, out, show=False, **options)
    assert str(archive) in str(caught.value) and "\n" not in str(caught.value)
    str(caught.value).encode()  # can be printed
    assert contents_of_everything(archive.parent, out) == before and not list(out.rglob(".saving-*"))


def contents_of_everything(folder, but):
    found = [path for path in folder.rglob("*") if but not in (path, *path.parents)]
    return {path: path.lstat().st_mtime_ns if path.is_file() else None for path in found}


def tar_of(path, *members):
    """A tar of (name, type, {attribute: value}, data)."""
    with tarfile.open(path, "w" if path.suffix == ".tar" else f"w:{path.suffix[1:]}") as archive:
        for name, kind, attributes, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(data)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize(
    "names, message",
    [
        (["a", "a/b"], "'a/b' is a file and also a folder"),
        (["a/b", "a"], "'a' is a file and also a folder"),
        (["a/b/c", "A/B"], "is a file and also a folder"),
        (["a", "a"], "occurs twice"),
        (["a", "A"], "differs only in case"),
        (["x" * 256], "name that is too long"),
        (["x/" * 3000 + "y"], "name that is too long"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide_or_are_too_long(tmp_path, kind, names, message):
    path = tmp_path / f"data.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"1")
    else:
        tar_of(path, *((name, tarfile.REGTYPE, {}, b"1") for name in names))
    refused(
        path, tmp_path / "out", message.replace("'?", "").replace("a/b is", "'a/b' is").replace("a is", "'a' is", 1)
    )


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE], ids=repr
)
def test_links_and_devices_in_a_tar(tmp_path, kind):
    refused(
        tar_of(tmp_path / "data.tar", ("x", kind, dict(linkname="/etc/passwd"), b"")), tmp_path / "out", "is a link"
    )


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip(tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        info = zipfile.ZipInfo("x")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "data.zip", tmp_path / "out", "'x' is a link or a device")


def test_permissions_are_not_unpacked(tmp_path):
    path = tar_of(tmp_path / "data.tar", ("x", tarfile.REGTYPE, dict(mode=0o6777, uid=12345), b"1"))
    unpack_archive(path, tmp_path / "out", show=False)
    found = (tmp_path / "out/x").stat()
    assert not found.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR) and found.st_uid == os.getuid()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_links_in_the_target_are_not_followed(tmp_path, kind):
    archive, out, elsewhere = pack(tmp_path / f"data.{kind}", {"a/b": b"new"}), tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir(), elsewhere.mkdir()
    (out / "a").symlink_to(elsewhere)
    refused(archive, out, "'a/b' would be written through the link .*a: remove the link")
    (out / "a").unlink()
    (out / "a").mkdir()
    for content in (b"old", b"longer"):  # a link to a file of equal size is not the member either
        (elsewhere / "b").write_bytes(content)
        (out / "a/b").unlink(missing_ok=True)
        (out / "a/b").symlink_to(elsewhere / "b")
        unpack_archive(archive, out, show=False)
        assert (elsewhere / "b").read_bytes() == content and (out / "a/b").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_small_archive_with_large_content(tmp_path, kind):
    path = pack(tmp_path / f"data.{kind}", {"good": b"1", "zeros": bytes(80 * 2**20)})
    out = tmp_path / "out"
    refused(path, out, "'zeros' makes the content of the archive larger than [67]. MB.*unpack it yourself")
    assert contents(out) == {"good": b"1"}
    if kind != "zip":
        refused(path, out, "larger than", select=lambda name: name if name == "good" else None)
    unpack_archive(path, out, show=False, max_bytes=2**30)
    assert (out / "zeros").stat().st_size == 80 * 2**20


def test_a_sparse_member(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(2**40)
    done = subprocess.run(["tar", "-cSf", "data.tar", "sparse"], cwd=tmp_path, capture_output=True)
    if done.returncode:
        pytest.skip("no GNU tar")
    (tmp_path / "sparse").unlink()
    refused(tmp_path / "data.tar", tmp_path / "out", "'sparse' is a sparse file")


def test_headers_that_would_fill_the_memory_or_never_end(tmp_path):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 64 * 2**20
    with gzip.open(tmp_path / "data.tar.gz", "wb") as file:
        file.write(tarfile.TarInfo("good").tobuf() + info.tobuf(tarfile.GNU_FORMAT) + bytes(64 * 2**20))
    refused(tmp_path / "data.tar.gz", tmp_path / "out", "a header with a size of 67,108,864 bytes")
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (-1024).to_bytes(12, "big", signed=True)
    block[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(block))[0]
    (tmp_path / "data.tar").write_bytes(tarfile.TarInfo("good").tobuf() + bytes(block) + bytes(10240))
    refused(tmp_path / "data.tar", tmp_path / "out", "a header with a size of -1,024 bytes")


def test_names_that_are_not_utf8_are_printable(tmp_path):
    path = tar_of(tmp_path / "data.tar", ("\udce9/..", tarfile.REGTYPE, {}, b""))
    refused(path, tmp_path / "out", "outside the folder")
    unpack_archive(tar_of(path, ("\udce9", tarfile.REGTYPE, {}, b"1")), tmp_path / "out", show=False)
    assert os.listdir(os.fsencode(tmp_path / "out")) == [b"\xe9"]


def test_what_already_exists_in_the_target(tmp_path):
    path = pack(tmp_path / "data.zip", {"a/b": b"new"})
    out = tmp_path / "out"
    (out / "a/b").mkdir(parents=True)
    with pytest.raises(OSError, match="could not write .*b: Is a directory"):
        unpack_archive(path, out, show=False)
    (out / "a/b").rmdir()
    (out / "a").rmdir()
    (out / "a").write_bytes(b"a file")
    with pytest.raises(OSError, match="could not write .*b: "):
        unpack_archive(path, out, show=False)
    assert contents(out) == {"a": b"a file"}


@pytest.mark.parametrize("kind", KINDS)
@fuzz(15)
def test_damaged_archives(tmp_path, kind, trials):
    out, archive = tmp_path / "target" / "out", tmp_path / f"data.{kind}"
    complete = pack(archive).read_bytes()
    for damaged in mutations(complete, trials):
        archive.write_bytes(damaged)
        try:
            unpack_archive(archive, out, show=False)
        except DataError as error:
            assert "\n" not in str(error)
        assert (
            set(os.listdir(tmp_path)) <= {archive.name, "target"} and set(os.listdir(out.parent)) <= {"out"}
            if (out.parent.exists())
            else True
        )


def test_progress_shows_a_bar(archive, tmp_path, capsys):
    unpack_archive(archive, tmp_path / "out")
    assert archive.name in capsys.readouterr().out
