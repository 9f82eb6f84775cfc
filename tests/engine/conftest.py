import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
# toy_run.py is in this folder. The processes that the tests start also import it, and they only see PYTHONPATH.
sys.path.insert(0, str(HERE))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
