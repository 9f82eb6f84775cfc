"""A checksum inside of zip archives as `torch.save` writes them: any changed bit is noticed, and any reader accepts it.

Such an archive contains the CRC-32 of each member, which `torch.load` ignores. The seal is a comment at the end of the
archive with a SHA-256 of all other bytes: the headers with these CRC-32s, the padding, the directory. Writing it costs
next to nothing, because the members themselves are not read again.
"""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MARK = b"mtl-plugins seal, sha256 of all but the members' data: "
_SEAL = len(_MARK) + 2 * hashlib.sha256().digest_size
_END = struct.Struct("<4s4H2LH")  # the last record of an archive: ..., size and offset of the directory, comment
_ENTRY = struct.Struct("<4s6xH4x3L3H8xL")  # an entry of the directory
_LOCAL = struct.Struct("<4s22x2H")  # the header before a member: lengths of its name and of its extra data
_ZIP64 = 0xFFFFFFFF
_CHUNK = 1 << 20

VERIFY_VARIABLE = "MTL_VERIFY_CHECKPOINTS"
"""Environment variable that switches the verification of checksums off if it is `0`."""

Read = Callable[[int, int], bytes | memoryview]


class SealError(ValueError):
    """A file was changed after it had been written, or is incomplete."""


class _Member(NamedTuple):
    start: int
    size: int
    crc: int
    name: bytes


def is_zip(path: str | Path) -> bool:
    """Whether a file starts like a zip archive."""
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def verification_is_on() -> bool:
    """Whether checksums of checkpoints are verified by default; see `VERIFY_VARIABLE`."""
    return os.environ.get(VERIFY_VARIABLE) != "0"


def seal(archive: BytesIO) -> None:
    """Append the seal to a complete archive that has no comment."""
    view = archive.getbuffer()
    size = len(view)
    try:
        view[size - 2 :] = struct.pack("<H", _SEAL)  # length of the comment
        members = _members(lambda start, end: view[start:end], size, archive)
        digest = _digest(lambda start, end: view[start:end], members, size)
    finally:
        view.release()
    archive.seek(0, os.SEEK_END)
    archive.write(_MARK + digest)


def check_seal(path: str | Path) -> bool:
    """Check that no bit of an archive has changed: its seal, if it has one, and the CRC-32 of each member.

    Returns:
        Whether the archive has a seal. Without one, only its members and directory are checked.

    Raises:
        SealError: The file has changed, is incomplete, or is not an archive of uncompressed members.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size

        def read(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(end - start)

        tail = read(max(0, size - _SEAL), size)
        sealed = tail.startswith(_MARK)
        end = size - _SEAL if sealed else size
        try:
            members = _members(read, end, file)
        except SealError:
            raise
        except Exception as error:  # zipfile and struct raise many kinds for damaged archives
            raise SealError(f"its directory is damaged ({type(error).__name__})") from error
        if sealed and _digest(read, members, end) != tail[len(_MARK) :]:
            raise SealError("its checksum is wrong")
        for member in members:
            _check_member(file, member)
    return sealed


def _check_member(file: BinaryIO, member: _Member) -> None:
    file.seek(member.start)
    crc, left = 0, member.size
    while left > 0:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise SealError(f"its part {member.name.decode(errors='replace')} is cut off")
        crc, left = zlib.crc32(chunk, crc), left - len(chunk)
    if crc != member.crc:
        raise SealError(f"the checksum of its part {member.name.decode(errors='replace')} is wrong")


def _members(read: Read, end: int, file: BinaryIO) -> list[_Member]:
    """The members of an archive whose last record ends at `end`, in the order of the file."""
    mark, disk, _, here, total, size, offset, comment = _END.unpack(read(max(0, end - _END.size), end))
    if mark != b"PK\x05\x06" or comment not in (0, _SEAL) or disk or here != total:
        raise SealError("its end is damaged or cut off")
    if _ZIP64 in (size, offset) or total == 0xFFFF:  # more than 4 GiB
        entries = [
            (
                info.header_offset,
                info.file_size,
                info.CRC,
                info.filename.encode(),
                info.compress_type,
                info.compress_size,
            )
            for info in zipfile.ZipFile(file).infolist()
        ]
    else:
        entries = list(_entries(bytes(read(offset, offset + size)), total))
    members, position = [], 0
    for header, length, crc, name, compression, stored in sorted(entries):
        if compression != zipfile.ZIP_STORED or stored != length:
            raise SealError(f"its part {name.decode(errors='replace')} is compressed, which torch.save never does")
        mark, name_length, extra_length = _LOCAL.unpack(read(header, header + _LOCAL.size))
        start = header + _LOCAL.size + name_length + extra_length
        if mark != b"PK\x03\x04" or header < position or start + length > end:
            raise SealError(f"the header of its part {name.decode(errors='replace')} is damaged")
        position = start + length
        members.append(_Member(start, length, crc, name))
    return members


def _entries(directory: bytes, total: int) -> Iterator[tuple[int, int, int, bytes, int, int]]:
    at = 0
    for _ in range(total):
        mark, compression, crc, stored, length, name, extra, comment, header = _ENTRY.unpack_from(directory, at)
        if mark != b"PK\x01\x02":
            raise SealError("its directory is damaged")
        at += _ENTRY.size
        yield header, length, crc, directory[at : at + name], compression, stored
        at += name + extra + comment


def _digest(read: Read, members: list[_Member], end: int) -> bytes:
    """SHA-256 of all bytes before `end` that are not a member's data."""
    total, position = hashlib.sha256(), 0
    for member in members:
        total.update(read(position, member.start))
        position = member.start + member.size
    total.update(read(position, end))
    return total.hexdigest().encode()
