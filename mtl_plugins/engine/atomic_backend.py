"""mmengine's local file backend with atomic writes."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mtl_plugins.files import write_bytes

ATOMIC_BACKEND = "atomic_local"
_ADVICE = "Free some space, or keep fewer checkpoints (max_keep_ckpts), and continue with --resume"


@register_backend(ATOMIC_BACKEND)
class AtomicLocalBackend(LocalBackend):
    """Writes each file under a temporary name, flushes it to disk, then renames it (see `files.write_file`).

    Select it with `backend_args=dict(backend="atomic_local")`. If writing fails (disk full, no permission), `OSError`
    is raised and the old file is unchanged.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write the bytes `obj` to `filepath`; its folder is created if necessary."""
        try:
            write_bytes(filepath, obj, advice=_ADVICE)
        except OSError as error:
            size = f"{len(obj) / 1e6:.1f} MB"
            raise OSError(
                error.errno, f"{error.strerror} (the file needs {size}; the last complete checkpoint is unchanged)"
            ) from error

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write the string `obj` to `filepath`."""
        self.put(obj.encode(encoding), filepath)
