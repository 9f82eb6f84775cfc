"""Unpacks zip and tar archives: each member is written atomically, and an interrupted run resumes."""

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
from typing import IO, BinaryIO, NamedTuple

from mtl_plugins.datasets import DataError
from mtl_plugins.files import progress_bar, write_file

#: The path below the target folder for the name of a member, or None to skip it.
SelectMember = Callable[[str], str | None]

_BLOCK = 1 << 20  # bytes
# Missing in typeshed.
_END_HEADERS = (tarfile.EmptyHeaderError, tarfile.InvalidHeaderError)  # type: ignore[attr-defined]
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def unpack_archive(
    archive: str | Path, out: str | Path, select: SelectMember | None = None, show: bool = True
) -> list[Path]:
    """Unpack a zip or a tar (plain, gz, bz2 or xz).

    Members that exist already with their full size are skipped, so that a killed run resumes.

    Args:
        archive: The archive.
        out: Target folder.
        select: Maps the name of a member to its path below `out`, or to None to skip it. None: keeps all names.
        show: Whether to show a progress bar.

    Returns:
        The paths of all selected members.

    Raises:
        FileNotFoundError: The archive does not exist.
        DataError: It is not an archive, is damaged or truncated, or a member is encrypted, a link, or outside of `out`.
        OSError: The disk is full or the folder is not writable.
    """
    archive, out = Path(archive), Path(out)
    paths: list[Path] = []
    name = None
    if not archive.is_file():
        raise FileNotFoundError(f"the archive {archive} does not exist.")
    with open(archive, "rb") as file, progress_bar(archive.name, archive.stat().st_size, "MB", show) as advance:
        try:
            for member in _members(file):
                name, at = member.name, select(member.name) if select else member.name
                if at is None:
                    advance(member.cost(), counts=False)
                    continue
                path = _safe_path(out, at, member, archive)
                exists = path.is_file() and path.stat().st_size == member.size
                if not exists:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_file(path, partial(_copy, member), durable=False)  # a truncated file has another size
                advance(member.cost(), counts=not exists)
                paths.append(path)
        except (*_DAMAGED, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # an error of the disk, not of the archive
                raise
            place = f"at {name}" if name else "at its very start"
            reason = str(error).partition(":\n")[0]  # without tarfile's list of attempts
            raise DataError(
                f"{archive} is damaged, truncated or not a zip or tar ({place}: {reason}). Delete it, download it "
                f"again and repeat the command; the files already unpacked in {out} are kept."
            ) from None
    return paths


class _Member(NamedTuple):
    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    cost: Callable[[], int]  # bytes of the archive; called after the member was processed
    fault: str | None = None  # why it cannot be unpacked


def _members(file: BinaryIO) -> Iterator[_Member]:
    is_zip = file.read(2) == b"PK"
    file.seek(0)
    return _zip_members(file) if is_zip else _tar_members(file)


def _zip_members(file: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                is_link = stat.S_ISLNK(info.external_attr >> 16)
                fault = "is a link" if is_link else "is encrypted" if info.flag_bits & 1 else None
                cost = partial(int, info.compress_size)
                yield _Member(info.filename, info.file_size, partial(archive.open, info), cost, fault)


def _tar_members(file: BinaryIO) -> Iterator[_Member]:
    with tarfile.open(fileobj=file, mode="r:*", tarinfo=_StrictTarInfo) as archive:
        before = 0

        def cost() -> int:
            nonlocal before
            spent, before = file.tell() - before, file.tell()
            return spent

        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # missing in typeshed; otherwise tarfile keeps all members in memory
            if not info.isdir():
                fault = None if info.isfile() else "is a link or a device"
                yield _Member(info.name, info.size, partial(archive.extractfile, info), cost, fault)
        while archive.fileobj.read(_BLOCK):  # verifies the checksum at the end
            pass


class _StrictTarInfo(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_StrictTarInfo":
        try:
            return super().fromtarfile(archive)
        except _END_HEADERS as error:
            # tarfile treats both as the end, but a complete archive ends with a block of zeros
            raise tarfile.ReadError(f"{error}, where a member or the end should be") from None


def _safe_path(out: Path, at: str, member: _Member, archive: Path) -> Path:
    parts = PurePosixPath(at.replace("\\", "/")).parts
    is_outside = not parts or parts[0] == "/" or ".." in parts or re.match("[A-Za-z]:", parts[0])
    if fault := "would be written outside the folder" if is_outside else member.fault:
        raise DataError(
            f"{archive}: the member {member.name!r} {fault}; it was not unpacked. Is this the right archive?"
        )
    return out / at


def _copy(member: _Member, file: BinaryIO) -> None:
    source = member.open()
    assert source is not None  # only for links and devices, which are refused
    with source:
        shutil.copyfileobj(source, file, _BLOCK)
