"""Files and folders: atomic writing, reading of text, resumable preparation, worker processes, progress bars."""

from .atomic_write import (
    TEMPORARY_PREFIX,
    disk_is_full,
    flush_to_disk,
    free_space,
    is_write_error,
    remove_temporaries,
    temporary_path,
    write_bytes,
    write_error,
    write_file,
    write_text,
)
from .data_error import DataError
from .download import download
from .folder_lock import LOCK_NAME, FolderInUseError, FolderLock
from .png_file import png_is_complete, write_png
from .progress_bar import progress_bar
from .read_mat import read_mat
from .read_regular_file import read_regular_file
from .resumable_folder import ResumableFolder
from .run_in_child import run_in_child
from .run_jobs import WorkerKilledError, run_jobs
from .text_file import TextLine, read_json, read_lines, read_text, shorten
from .zip_seal import SealError, check_seal, is_zip, seal, verification_is_on

__all__ = [
    "LOCK_NAME",
    "TEMPORARY_PREFIX",
    "DataError",
    "FolderInUseError",
    "FolderLock",
    "ResumableFolder",
    "SealError",
    "TextLine",
    "WorkerKilledError",
    "check_seal",
    "disk_is_full",
    "download",
    "flush_to_disk",
    "free_space",
    "is_write_error",
    "is_zip",
    "png_is_complete",
    "progress_bar",
    "read_json",
    "read_lines",
    "read_mat",
    "read_regular_file",
    "read_text",
    "remove_temporaries",
    "run_in_child",
    "run_jobs",
    "seal",
    "shorten",
    "temporary_path",
    "verification_is_on",
    "write_bytes",
    "write_error",
    "write_file",
    "write_png",
    "write_text",
]
