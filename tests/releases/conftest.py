"""A release that tests copy before they damage it."""

import shutil

import pytest

from .small_release import publish_small, write_checkpoint


@pytest.fixture(scope="package")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "small.pth")


@pytest.fixture(scope="package")
def small(checkpoint, tmp_path_factory):
    """The folder of a release; do not change it."""
    return publish_small(checkpoint, tmp_path_factory.mktemp("releases")).folder


@pytest.fixture
def release(small, tmp_path):
    """A copy of the release."""
    return shutil.copytree(small, tmp_path / "small")
