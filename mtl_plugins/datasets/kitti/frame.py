from typing import NamedTuple


class Frame(NamedTuple):
    """An image of one camera at one moment of a drive."""

    drive: str  # 2011_09_26_drive_0002_sync
    camera: int
    number: int

    @property
    def folder(self) -> str:
        """The folder of the drive in the raw data."""
        return f"{self.date}/{self.drive}"

    @property
    def date(self) -> str:
        """The folder of the drive and of its calibration files."""
        return self.drive[:10]


class FrameFiles(NamedTuple):
    """The files of a frame: paths relative to the raw or the depth root, None for a missing file."""

    img: str
    improved: str | None
    scan: str | None
