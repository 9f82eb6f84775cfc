"""Releases: trained networks as plain data (weights and a description), and fetching them by name."""

from .build_network import build_network
from .description import DESCRIPTION_FILE, WEIGHTS_FILE, read_description
from .find_release import find_release, is_release, not_a_release, releases_in
from .model_card import model_card
from .open_release import Release, open_release, weights_path
from .release_index import RELEASES_VARIABLE, list_releases
from .write_release import require_name, write_release

__all__ = [
    "DESCRIPTION_FILE",
    "RELEASES_VARIABLE",
    "WEIGHTS_FILE",
    "Release",
    "build_network",
    "find_release",
    "is_release",
    "list_releases",
    "model_card",
    "not_a_release",
    "open_release",
    "read_description",
    "releases_in",
    "require_name",
    "weights_path",
    "write_release",
]
