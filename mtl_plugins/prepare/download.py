"""Downloading files; see `mtl_plugins.files.download`."""

from mtl_plugins.files import download

__all__ = ["download"]
