import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def capture_log(tmp_path, request):
    """A function that gives what went to mmengine's current logger in this test."""
    path = tmp_path / "log.txt"
    instances = MMLogger._instance_dict.copy()
    MMLogger.get_instance(request.node.name, log_file=str(path))
    yield lambda: path.read_text()
    MMLogger._instance_dict.clear()
    MMLogger._instance_dict.update(instances)
