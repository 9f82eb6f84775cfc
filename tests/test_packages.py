"""The layers of the package: which package may import which, and what happens at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mtl_plugins"
# From the lowest to the highest; a package only imports packages of lower levels.
LEVELS = (
    ("files",),
    ("registry", "label_spaces", "kernels", "images"),
    ("functional",),
    ("structures",),
    ("kinds",),
    ("models", "datasets", "evaluation", "visualization"),
    ("engine",),
    ("prepare", "backends", "releases"),
    ("synthrooms", "apis"),
    ("benchmark",),
    ("cli",),
)
LEVEL_OF = {package: level for level, packages in enumerate(LEVELS) for package in packages}


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


def package_of(module):
    """The package of a module of this package, or None for other modules."""
    parts = module.split(".")
    if parts[0] == "registry":
        return "registry"
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 and parts[1] in LEVEL_OF else None


def files_of(package):
    if package == "registry":
        return [ROOT / PACKAGE / "registry.py", ROOT / "registry" / "__init__.py"]
    return sorted((ROOT / PACKAGE / package).rglob("*.py"))


@pytest.mark.parametrize("package", LEVEL_OF)
def test_a_package_imports_only_packages_of_lower_levels(package):
    files = files_of(package)
    assert files, f"the package {package} does not exist"
    wrong = {
        (str(path.relative_to(ROOT)), module)
        for path in files
        for module in imported_modules(path)
        if (other := package_of(module)) not in (None, package) and LEVEL_OF[other] >= LEVEL_OF[package]
    }
    assert not wrong


def test_every_folder_of_the_package_is_listed():
    folders = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert folders == set(LEVEL_OF) - {"registry"}


def test_relative_absolute_and_late_imports_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / PACKAGE / "models" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("from ..engine import a\ndef f():\n    import mtl_plugins.apis.config\nfrom .heads import b\n")
    packages = {package_of(module) for module in imported_modules(path)}
    assert packages == {"engine", "apis", "models"}


def test_registries_import_only_mmengine():
    modules = {module for path in files_of("registry") for module in imported_modules(path)}
    ours = {module for module in modules if module.startswith(PACKAGE)}
    others = {module.split(".")[0] for module in modules - ours}
    assert others <= {"mmengine", "inspect", "re", "typing"}
    assert {module.split(".")[1] for module in ours} <= {"registry", "did_you_mean"}


def test_importing_the_package_imports_no_heavy_library():
    code = "import sys, mtl_plugins; print({'torch', 'timm', 'mmengine', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
