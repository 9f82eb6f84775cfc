import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
CONFIGS = "mtl_plugins.configs"  # the name of configs/ in an installed package
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "mtl_plugins" / "__init__.py").read_text())[1]

config_packages = {
    ".".join([CONFIGS, *folder.relative_to("configs").parts]): str(folder)
    for folder in sorted({path.parent.relative_to(ROOT) for path in (ROOT / "configs").rglob("*.py")})
}

# PyTorch's ONNX exporter needs onnxscript.
ONNX_FILES = ["onnx>=1.17", "onnxscript>=0.2"]  # the first for numpy 2; the first after torch 2.6
ONNX = [*ONNX_FILES, "onnxruntime>=1.20"]  # the first that reads what torch 2.6 writes
OPENVINO = ["openvino>=2025.0", *ONNX_FILES, "nncf>=2.19"]  # nncf, for int8: the first with histograms
SKLEARN = "scikit-learn>=1.5"  # the first for numpy 2
TEST = ["pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.100", SKLEARN, "setuptools>=77"]
DOCS = ["mkdocs-material>=9.6", "mkdocstrings[python]>=1.0"]  # the first with signatures that link to types

setup(
    name="mtl-plugins",
    version=VERSION,
    description="Dense multi-task learning for mmengine: classes, depth, normals and custom tasks from one network",
    author="mtl_plugins developers",
    license_expression="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    keywords=["multi-task learning", "semantic segmentation", "depth estimation", "surface normals", "mmengine"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Intended Audience :: Developers",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: C++",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.10",  # the code uses `X | Y` types, and zip(strict=True)
    packages=[*find_packages(include=["mtl_plugins", "mtl_plugins.*", "registry"]), *config_packages],
    package_dir=config_packages,
    package_data={
        "mtl_plugins": ["py.typed"],
        "registry": ["py.typed"],
        "mtl_plugins.kernels": ["*.cpp", "*.h"],
        "mtl_plugins.label_spaces": ["spaces/*.csv", "maps/*.csv"],
        "mtl_plugins.prepare": ["splits/*.txt"],
        "mtl_plugins.releases": ["index.json"],
    },
    entry_points={"console_scripts": ["mtl = mtl_plugins.cli.main:main"]},
    install_requires=[
        "torch>=2.7",  # torch.compiler.is_exporting
        "torchvision>=0.22",  # the one that goes with torch 2.7
        "timm>=1.0.15",  # forward_intermediates for feature extraction from all transformers
        "segmentation-models-pytorch>=0.4",  # losses that ignore void pixels in multi-class mode
        "mmengine>=0.10.7",  # the first that works with numpy 2 and torch 2.6
        "numpy>=1.26.1",  # the first with the modules of NumPy 2 (numpy._core)
        "scipy>=1.11",  # the first for numpy 1.26
        "h5py>=3.11",  # the first for numpy 2
        "matplotlib>=3.8",  # the first for Python 3.12
        "opencv-python>=4.9",  # the first for Python 3.12; mmengine needs this distribution, so not the headless one
        "pillow>=10.1",  # ImageFont.load_default takes a size
        "rich>=13",  # the first for Python 3.11
        "safetensors>=0.4",  # the first for Python 3.12
        "torchjd>=0.18",  # weights from Gramians, with torch as the only dependency
    ],
    extras_require={
        "onnx": ONNX,
        "openvino": OPENVINO,
        "tensorboard": ["tensorboard>=2.17"],  # the first for numpy 2
        "test": TEST,
        "docs": DOCS,
        "dev": [*TEST, *ONNX, *OPENVINO, *DOCS, "ruff>=0.9", "mypy>=1.14"],  # ruff: the 2025 style
    },
)
