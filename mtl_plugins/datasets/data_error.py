"""The error for invalid data files; it is defined in `files`, which the lower packages import as well."""

from mtl_plugins.files import DataError

__all__ = ["DataError"]
