"""Labels by name: those of NYUD-40."""

from ..nyud40 import NYUD40_CLASSES as NYUD40

ID = {name: n for n, name in enumerate(NYUD40)}
