"""Every file is complete or absent: the package writes through `files.write_file`, or for a reason that stands here."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mtl_plugins"
ATOMIC = {"write_file", "write_bytes", "write_text", "write_png"}
#: Methods and functions that write files
WRITERS = {
    *("write_text", "write_bytes", "save", "savez", "savez_compressed", "savetxt", "tofile", "imwrite", "imsave"),
    *("savefig", "save_model", "save_file", "dump", "VideoWriter", "copy", "copy2", "copyfile", "copytree", "move"),
    *("NamedTemporaryFile", "TemporaryDirectory", "mkdtemp", "mkstemp", "replace", "rename", "writerow", "writerows"),
}
MODULES_OF = dict(copy={"shutil"}, move={"shutil"}, dump={"json", "pickle", "yaml"}, replace={"os"})
ALLOWED = {  # file: {what: why}
    "apis/export.py": {"TemporaryDirectory": "on the target's disk", "replace": "moves complete files out of it"},
    "apis/video.py": {"VideoWriter": "writes to temporary_path", "replace": "when the video is complete"},
    "backends/onnx_file.py": {"save": "into the temporary folder of an export"},
    "backends/onnxruntime_backend.py": {"TemporaryDirectory": "a graph that is loaded at once"},
    "backends/openvino_backend.py": {
        "TemporaryDirectory": "a graph that is loaded at once",
        "save_model": "into the temporary folder of an export",
    },
    "backends/openvino_digest.py": {"open": "appends to a file in the temporary folder of an export"},
    "backends/pt2_file.py": {"save": "into the temporary folder of an export, and to memory"},
    "benchmark/data_benchmark.py": {"TemporaryDirectory": "made-up data"},
    "benchmark/memory.py": {"write_text": "a switch of the kernel in /proc"},
    "benchmark/runner_benchmark.py": {"TemporaryDirectory": "a work_dir that is deleted"},
    "cli/run_command.py": {"NamedTemporaryFile": "the traceback of an error"},
    "cli/training_jobs.py": {"open": "appends the output of commands to a log"},
    "engine/checkpoint/write_checkpoint.py": {"save": "to memory"},
    "engine/heartbeat_hook.py": {"open": "appends to the log"},
    "files/atomic_write.py": {"open": "write_file itself", "replace": "write_file itself"},
    "files/download.py": {"open": "a part of a download", "replace": "when the download is complete"},
    "kernels/compile_library.py": {"TemporaryDirectory": "the compiler's output"},
    "kernels/library.py": {"open": "memory, not a file"},
    "models/foreign/onnx_session.py": {"open": "appends to a file in the temporary folder of an export"},
    "prepare/journal.py": {"open": "appends lines; incomplete ones are ignored"},
}


def calls_outside_atomic_writers(node):
    """All calls below `node` that are not arguments of `write_file` and its siblings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            if isinstance(child.func, ast.Name) and child.func.id in ATOMIC:
                continue
            yield child
        yield from calls_outside_atomic_writers(child)


def writer(call):
    """The name of the function of a call that writes a file, or None."""
    if isinstance(call.func, ast.Name):
        if call.func.id != "open":
            return (
                call.func.id
                if call.func.id in WRITERS - {"save", "copy", "replace", "rename", "move", "dump", "VideoWriter"}
                else None
            )
        return "open" if may_write(call, 1) else None
    if not isinstance(call.func, ast.Attribute):
        return None
    name, owner = call.func.attr, call.func.value
    if name in MODULES_OF:
        return name if isinstance(owner, ast.Name) and owner.id in MODULES_OF[name] else None
    if name == "open":  # Path.open; os.open has flags, and Image.open only reads
        return "open" if may_write(call, 0) else None
    return name if name in WRITERS else None


def may_write(call, position):
    modes = [*call.args[position : position + 1], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)


def writers(source):
    return {name for call in calls_outside_atomic_writers(ast.parse(source)) if (name := writer(call))}


def test_files_are_written_atomically_or_for_a_stated_reason():
    found = {
        path.relative_to(PACKAGE).as_posix(): names
        for path in sorted(PACKAGE.rglob("*.py"))
        if (names := writers(path.read_text(encoding="utf-8")))
    }
    assert {name: names - set(ALLOWED.get(name, ())) for name, names in found.items()} == dict.fromkeys(found, set())
    unused = {name for name in ALLOWED if name not in found and (PACKAGE / name).exists()}
    assert not unused, "these reasons are not needed any more"


@pytest.mark.parametrize(
    "source",
    [
        *("open(p, 'w')", "open(p, mode='ab')", "p.open('w')", "p.write_text(t)", "np.save(p, a)", "image.save(p)"),
        *("cv2.imwrite(p, a)", "json.dump(d, f)", "shutil.copy(a, b)", "os.replace(a, b)", "figure.savefig(p)"),
        "write_file(p, f); np.save(p, a)",
    ],
)
def test_direct_writers_are_found(source):
    assert len(writers(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        *("open(p)", "open(p, 'rb')", "write_text(p, t)", "write_file(p, lambda f: np.save(f, a))", "Image.open(p)"),
        *("text.replace(a, b)", "values.copy()", "json.dumps(d)"),
    ],
)
def test_other_calls_are_not_found(source):
    assert not writers(source)


WRITE = """
import resource, sys
import numpy as np
from pathlib import Path
from matplotlib.figure import Figure
from mtl_plugins.files import write_bytes, write_png, write_text
from mtl_plugins.kinds.kind import write_stored
from mtl_plugins.visualization import write_picture
from mtl_plugins.visualization.write_figure import write_figure

out, rng = Path(sys.argv[1]), np.random.default_rng(0)
noise, figure = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), Figure()
figure.add_subplot().plot(rng.random(50))
writers = dict(
    npy=lambda p: write_stored(p, None, noise.astype(np.float32)),
    png=lambda p: write_png(p, noise),
    jpg=lambda p: write_picture(noise, p),
    bmp=lambda p: write_picture(noise, p),
    tif=lambda p: write_picture(noise, p),
    pdf=lambda p: write_figure(figure, p),
    svg=lambda p: write_figure(figure, p),
    txt=lambda p: write_text(p, "a" * 5000),
    bin=lambda p: write_bytes(p, bytes(5000)),
)
for name, write in writers.items():
    write(out / f"complete.{name}")
    size = (out / f"complete.{name}").stat().st_size
    for limit in (0, 1, 100, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            write(out / f"torn.{name}")
            print(f"torn.{name}: no error at {limit} of {size} bytes")
        except OSError as error:
            if not str(error.strerror).startswith("could not write"):
                print(f"torn.{name}: {error!r}")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print([path.name for path in out.iterdir() if not path.name.startswith("complete")])
"""


def test_a_full_disk_leaves_no_incomplete_file(tmp_path):
    """The limit on the size of files fails in the middle of a write, as a full disk does."""
    done = subprocess.run([sys.executable, "-c", WRITE, tmp_path], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr[-2000:]
