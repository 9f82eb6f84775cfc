import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
# toy_run.py lies here; the processes that the tests start and kill import it too and read PYTHONPATH alone
sys.path.insert(0, str(HERE))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
