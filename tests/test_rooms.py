"""The layers of the package: which room may import which, and what happens at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mtl_plugins"
# From the lowest to the highest; a room only imports rooms of lower floors.
FLOORS = (
    ("files",),
    ("registry", "label_spaces", "kernels"),
    ("functional",),
    ("structures",),
    ("kinds",),
    ("models", "datasets", "evaluation", "visualization"),
    ("engine",),
    ("prepare", "backends"),
    ("synthrooms", "apis"),
    ("benchmark",),
    ("cli",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imported_modules(path):
    """Absolute names of the modules that a file imports, at its top or inside a function."""
    package = list(path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def room_of(module):
    """The room of a module of this package, or None for other modules."""
    parts = module.split(".")
    if parts[0] == "registry":
        return "registry"
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 and parts[1] in FLOOR_OF else None


def files_of(room):
    if room == "registry":
        return [ROOT / PACKAGE / "registry.py", ROOT / "registry" / "__init__.py"]
    return sorted((ROOT / PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", FLOOR_OF)
def test_a_room_imports_only_lower_rooms(room):
    files = files_of(room)
    assert files, f"the room {room} does not exist"
    wrong = {
        (str(path.relative_to(ROOT)), module)
        for path in files
        for module in imported_modules(path)
        if (other := room_of(module)) not in (None, room) and FLOOR_OF[other] >= FLOOR_OF[room]
    }
    assert not wrong


def test_every_folder_of_the_package_is_a_room():
    folders = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert folders == set(FLOOR_OF) - {"registry"}


def test_relative_absolute_and_late_imports_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / PACKAGE / "models" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("from ..engine import a\ndef f():\n    import mtl_plugins.apis.config\nfrom .heads import b\n")
    rooms = {room_of(module) for module in imported_modules(path)}
    assert rooms == {"engine", "apis", "models"}


def test_registries_import_only_mmengine():
    modules = {module for path in files_of("registry") for module in imported_modules(path)}
    ours = {module for module in modules if module.startswith(PACKAGE)}
    assert {module.split(".")[0] for module in modules - ours} <= {"mmengine", "inspect", "re", "typing"}
    assert {module.split(".")[1] for module in ours} <= {"registry", "did_you_mean"}


def test_importing_the_package_imports_no_heavy_library():
    code = "import sys, mtl_plugins; print({'torch', 'timm', 'mmengine', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
