"""Unpacks zip and tar archives: each member is written atomically, and an interrupted run resumes."""

import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, NamedTuple

from mtl_plugins.datasets import DataError
from mtl_plugins.files import is_write_error, progress_bar, write_file

#: The path below the target folder for the name of a member, or None to skip it.
SelectMember = Callable[[str], str | None]

_BLOCK = 1 << 20  # bytes
_MAX_RATIO, _MAX_EXTRA = 20, 64 * 2**20  # allowed size of the content: 20 times the archive, and 64 MB
_MAX_HEADER = 2**20  # bytes of a tar header for long names; tarfile reads it into memory
_MAX_PART, _MAX_PATH = 255, 3000  # bytes of a name and of a path; the limits of Linux are 255 and 4096
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags of a zip member
# Missing in typeshed.
_END_HEADERS = (tarfile.EmptyHeaderError, tarfile.InvalidHeaderError)  # type: ignore[attr-defined]
# Headers with text, such as long names
_TEXT_HEADERS = {
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
}


def unpack_archive(
    archive: str | Path,
    out: str | Path,
    select: SelectMember | None = None,
    show: bool = True,
    max_bytes: int | None = None,
) -> list[Path]:
    """Unpack a zip or a tar (plain, gz, bz2 or xz).

    Members that exist already with their full size are skipped, so that a killed run resumes. Nothing outside of `out`
    is changed, whatever the archive contains; links below `out` are not followed. Only the content of files is
    unpacked: no links, devices, owners or permissions.

    Args:
        archive: The archive.
        out: Target folder.
        select: Maps the name of a member to its path below `out`, or to None to skip it. None: keeps all names.
        show: Whether to show a progress bar.
        max_bytes: The largest allowed size of the content; by default 20 times the size of the archive, and 64 MB.

    Returns:
        The paths of all selected members.

    Raises:
        FileNotFoundError: The archive does not exist.
        DataError: It is not an archive, is damaged or truncated, its content is too large, or a member cannot be
            unpacked safely: it is encrypted, no regular file, outside of `out`, or collides with another one.
        OSError: The disk is full or the folder is not writable.
    """
    archive, out = Path(archive), Path(out)
    if not archive.is_file():
        raise FileNotFoundError(f"the archive {archive} does not exist.")
    size = archive.stat().st_size
    names = _Names(out, size * _MAX_RATIO + _MAX_EXTRA if max_bytes is None else max_bytes)
    paths: list[Path] = []
    name = None
    with open(archive, "rb") as file, progress_bar(archive.name, size, "MB", show) as advance:
        try:
            for member in _members(file, names.max_bytes):
                name, at = member.name, select(member.name) if select else member.name
                if at is None:
                    advance(member.cost(), counts=False)
                    continue
                path = names.path_of(member, at)
                exists = path.is_file() and not path.is_symlink() and path.stat().st_size == member.size
                if not exists:
                    write_file(path, partial(_copy, member), durable=False)  # a truncated file has another size
                advance(member.cost(), counts=not exists)
                paths.append(path)
        except _RefusedError as error:
            member_of = f"the member '{_shown(name)}' " if name else ""
            raise DataError(f"{archive}: {member_of}{error}") from None
        except OSError as error:
            if is_write_error(error):  # an error of `write_file`, not of the archive
                raise
            raise _damaged(archive, name, error, out) from None
        except Exception as error:  # whatever zipfile, tarfile and the decompressors raise
            raise _damaged(archive, name, error, out) from None
    return paths


class _RefusedError(Exception):
    """A member, or the archive, is not unpacked; the end of the message."""


def _damaged(archive: Path, name: str | None, error: Exception, out: Path) -> DataError:
    place = f"at {_shown(name)}" if name else "at its very start"
    reason = str(error).partition(":\n")[0] or type(error).__name__  # without tarfile's list of attempts
    return DataError(
        f"{archive} is damaged, truncated or not a zip or tar ({place}: {_shown(reason)}). Delete it, download it "
        f"again and repeat the command; the files already unpacked in {out} are kept."
    )


def _shown(text: str) -> str:
    """A text that can be printed, even if the name of a member is not valid UTF-8 or very long."""
    return text[:200].encode(errors="backslashreplace").decode()


class _Member(NamedTuple):
    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    cost: Callable[[], int]  # bytes of the archive; called after the member was processed
    fault: str | None = None  # why it cannot be unpacked


class _Names:
    """Decides where members are written, and refuses those that collide, leave the folder or are too large."""

    def __init__(self, out: Path, max_bytes: int):
        self.out, self.max_bytes, self.total = out, max_bytes, 0
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def path_of(self, member: _Member, at: str) -> Path:
        parts = PurePosixPath(at.replace("\\", "/")).parts
        fault = self._fault_of_name(parts) or member.fault or self._collision(parts) or self._link(parts)
        if fault:
            raise _RefusedError(f"{fault}; it was not unpacked. Is this the right archive?")
        self.total += member.size
        if self.total > self.max_bytes:
            raise _too_large(self.max_bytes)
        return self.out.joinpath(*parts)

    def _fault_of_name(self, parts: tuple[str, ...]) -> str | None:
        if not parts or parts[0].startswith("/") or ".." in parts or re.match("[A-Za-z]:", parts[0]):
            return "would be written outside the folder"
        encoded = [part.encode(errors="surrogateescape") for part in parts]
        if max(map(len, encoded)) > _MAX_PART or sum(map(len, encoded)) > _MAX_PATH:
            return "has a name that is too long"
        return "has a name with a zero byte" if any(b"\0" in part for part in encoded) else None

    def _collision(self, parts: tuple[str, ...]) -> str | None:
        """Names that differ only in case collide too: they are the same file on some file systems."""
        name, *folders = ("/".join(parts[:n]).casefold() for n in range(len(parts), 0, -1))
        if name in self._files:
            return "occurs twice, or another name differs only in case"
        if name in self._folders or not self._files.isdisjoint(folders):
            return "is a file and also a folder"
        self._files.add(name)
        self._folders.update(folders)
        return None

    def _link(self, parts: tuple[str, ...]) -> str | None:
        folders = (self.out.joinpath(*parts[:n]) for n in range(1, len(parts)))
        link = next((folder for folder in folders if folder.is_symlink()), None)
        return f"would be written through the link {link}: remove the link, or choose another folder" if link else None


def _too_large(max_bytes: int) -> _RefusedError:
    return _RefusedError(
        f"makes the content of the archive larger than {max_bytes / 1e6:,.0f} MB, which is much for an archive of this "
        "size. If you trust it, unpack it yourself and give the folder."
    )


def _members(file: BinaryIO, max_bytes: int) -> Iterator[_Member]:
    is_zip = file.read(2) == b"PK"
    file.seek(0)
    return _zip_members(file) if is_zip else _tar_members(file, max_bytes)


def _zip_members(file: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                kind = stat.S_IFMT(info.external_attr >> 16)
                fault = "is a link or a device" if kind not in (0, stat.S_IFREG) else None
                fault = "is encrypted" if info.flag_bits & _ENCRYPTED else fault
                cost = partial(int, info.compress_size)
                yield _Member(info.filename, info.file_size, partial(archive.open, info), cost, fault)


def _tar_members(file: BinaryIO, max_bytes: int) -> Iterator[_Member]:
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
                fault = "is a sparse file" if info.issparse() else fault
                yield _Member(info.name, info.size, partial(archive.extractfile, info), cost, fault)
            if info.offset_data + info.size > max_bytes + _BLOCK:  # also of skipped members, which take time to read
                raise _too_large(max_bytes)
        while archive.fileobj.read(_BLOCK):  # verifies the checksum at the end
            if archive.fileobj.tell() > max_bytes + 2 * _BLOCK:
                raise _too_large(max_bytes)


class _StrictTarInfo(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_StrictTarInfo":
        try:
            return super().fromtarfile(archive)
        except _END_HEADERS as error:
            # tarfile treats both as the end, but a complete archive ends with a block of zeros
            raise tarfile.ReadError(f"{error}, where a member or the end should be") from None

    def _proc_member(self, archive: tarfile.TarFile) -> "_StrictTarInfo":
        if self.size < 0 or self.type in _TEXT_HEADERS and self.size > _MAX_HEADER:
            raise tarfile.ReadError(f"a header with a size of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]  # missing in typeshed

    def _block(self, count: int) -> int:
        if count < 0:  # older versions of tarfile would read the same member forever
            raise tarfile.ReadError(f"a header with a size of {count:,} bytes")
        return super()._block(count)  # type: ignore[misc]  # missing in typeshed


def _copy(member: _Member, file: BinaryIO) -> None:
    with _reading(member.open) as source:
        while block := _reading(partial(source.read, _BLOCK)):
            file.write(block)


def _reading(function: Callable[[], Any]) -> Any:
    """Call a function that reads the archive; its errors must not be taken for errors of the target's disk."""
    try:
        return function()
    except OSError as error:
        raise OSError(str(error)) from None  # without a number
