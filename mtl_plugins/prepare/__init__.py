"""From official archives to what training reads: ``python tools/prepare_dataset.py NAME``."""
