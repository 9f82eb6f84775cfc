"""`python -m mtl_plugins` is the same as the console script `mtl`."""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):  # as for `mtl`: files in the working directory shadow no package
    sys.path.append(sys.path.pop(0))

from mtl_plugins.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
