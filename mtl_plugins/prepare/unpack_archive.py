"""Archives into a folder: member by member, each whole or not at all, and gone on with after a break."""

import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.files import progress_bar, write_file

_BLOCK = 1 << 20  # bytes
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def unpack_archive(
    archive: str | Path, out: str | Path, select: Callable[[str], str | None] | None = None, show: bool = True
) -> list[Path]:
    """Unpack a zip or a tar (plain, gz, bz2 or xz) into the folder ``out``; gives the paths of all that belongs there.

    A member that lies there in its full size already is passed over, so a run that was killed goes on where it
    stopped.

    Args:
        select: the path below ``out`` for a member's name, or None to leave it out; by default the name itself.
        show: whether to show a bar.

    Raises:
        FileNotFoundError: there is no such archive.
        DataError: it is no archive, damaged or cut off, or a member is encrypted, a link, or would leave ``out``.
        OSError: the disk is full, or the folder can't be written.
    """
    archive, out, paths, name = Path(archive), Path(out), [], None
    if not archive.is_file():
        raise FileNotFoundError(f"there is no archive {archive}.")
    with open(archive, "rb") as file, progress_bar(archive.name, archive.stat().st_size, "MB", show) as advance:
        try:
            for member in _members(file):
                name, at = member.name, select(member.name) if select else member.name
                if at is None:
                    advance(member.cost(), counts=False)
                    continue
                path = _inside(out, at, member, archive)
                there = path.is_file() and path.stat().st_size == member.size
                if not there:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_file(path, partial(_copy, member), durable=False)  # a truncated file has another size
                advance(member.cost(), counts=not there)
                paths.append(path)
        except (*_DAMAGED, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # the disk's; the packers' have no number
                raise
            place = f"at {name}" if name else "at its very start"
            reason = str(error).partition(":\n")[0]  # without what each way to open it says
            raise DataError(
                f"{archive} is damaged, cut off or no zip or tar ({place}: {reason}). Delete it, fetch it again and "
                f"run again; what lies unpacked in {out} is kept."
            ) from None
    return paths


class _Member(NamedTuple):
    name: str
    size: int
    open: Callable[[], BinaryIO]
    cost: Callable[[], int]  # bytes of the archive, asked for when the member was dealt with
    fault: str | None = None  # why it can't be unpacked


def _members(file) -> Iterator[_Member]:
    is_zip = file.read(2) == b"PK"
    file.seek(0)
    return _members_of_zip(file) if is_zip else _members_of_tar(file)


def _members_of_zip(file):
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                is_link = stat.S_ISLNK(info.external_attr >> 16)
                fault = "is a link" if is_link else "is encrypted" if info.flag_bits & 1 else None
                cost = partial(int, info.compress_size)
                yield _Member(info.filename, info.file_size, partial(archive.open, info), cost, fault)


def _members_of_tar(file):
    with tarfile.open(fileobj=file, mode="r:*", tarinfo=_TarInfo) as archive:
        before = 0

        def cost():
            nonlocal before
            spent, before = file.tell() - before, file.tell()
            return spent

        while (info := archive.next()) is not None:
            archive.members.clear()  # it would keep all of them
            if not info.isdir():
                fault = None if info.isfile() else "is a link or a device"
                yield _Member(info.name, info.size, partial(archive.extractfile, info), cost, fault)
        while archive.fileobj.read(_BLOCK):  # to the checksum at the end
            pass


class _TarInfo(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, archive):
        try:
            return super().fromtarfile(archive)
        except (tarfile.EmptyHeaderError, tarfile.InvalidHeaderError) as error:
            # tarfile takes both for the end; but a whole archive ends with a block of zeros
            raise tarfile.ReadError(f"{error}, where a member or the end should be") from None


def _inside(out, at, member, archive):
    parts = PurePosixPath(at.replace("\\", "/")).parts
    leaves = not parts or parts[0] == "/" or ".." in parts or re.match("[A-Za-z]:", parts[0])
    if fault := "would be written outside the folder" if leaves else member.fault:
        raise DataError(
            f"{archive}: the member {member.name!r} {fault}: it was not unpacked. Is this the right archive?"
        )
    return out / at


def _copy(member, file):
    with member.open() as source:
        shutil.copyfileobj(source, file, _BLOCK)
