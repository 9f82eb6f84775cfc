"""Releases are fetched by name once, verified, and found again without a network."""

import multiprocessing
import shutil

import pytest
import torch

from mtl_plugins.apis import MultiTaskInferencer, init_model, load_config
from mtl_plugins.files import DataError
from mtl_plugins.releases import find_release, is_release, list_releases, release_index
from mtl_plugins.releases.write_release import _entry_of

from .release_server import serve


@pytest.fixture
def index(small, tmp_path, monkeypatch):
    """An index with the small release, an empty cache, and no source tree; restores all of them."""
    monkeypatch.setattr(release_index, "INDEX_FILE", tmp_path / "index.json")
    (tmp_path / "index.json").write_text("{}")
    files = {name: _entry_of(small / name) for name in ("model.json", "model.safetensors")}
    release_index.add_to_index("small", release_index.IndexEntry("A small network.", "x", files))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MTL_RELEASES", raising=False)
    return tmp_path / "index.json"


@pytest.fixture
def server(small, index, monkeypatch):
    with serve(small.parent) as running:
        monkeypatch.setenv("MTL_RELEASES", running.page)
        yield running


def test_the_index_is_read_back(index):
    entry = list_releases()["small"]
    assert (
        entry.about == "A small network."
        and entry.size > 10_000
        and set(entry.files)
        == {
            "model.json",
            "model.safetensors",
        }
    )


def test_a_name_is_fetched_once_and_predicts_the_same(server, small):
    first = find_release("small")
    assert first == find_release("small") and "cache" in first.parts
    assert len(server.requests) == 2
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8)
    fetched, local = MultiTaskInferencer("small")(image), MultiTaskInferencer(small)(image)
    assert all((fetched[task] == local[task]).all() for task in local)
    assert load_config("small").release == str(first)


def test_without_a_network_the_cache_is_used(server):
    find_release("small")
    server.shutdown()
    server.server_close()
    assert init_model("small").tasks == ("semseg", "depth", "normals")


def test_an_interrupted_download_continues(server, small):
    server.cuts = [20_000]
    folder = find_release("small")
    ranges = [requested for path, requested in server.requests if path.endswith(".safetensors")]
    assert ranges == [None, "bytes=20000-"]
    assert (folder / "model.safetensors").read_bytes() == (small / "model.safetensors").read_bytes()


def test_a_later_run_continues_an_interrupted_download(server, small):
    server.cuts = [20_000, 0, 0, 0]
    with pytest.raises(ConnectionError, match="small could not be fetched.*kept in .*run the command again to resume"):
        find_release("small")
    find_release("small")
    assert server.requests[-1][1] == "bytes=20000-"


def test_a_damaged_file_in_the_cache_is_fetched_again(server):
    path = find_release("small") / "model.safetensors"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + b"x")
    assert (find_release("small") / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("damage", [lambda data: data[:-1] + b"x", lambda data: data[:-100], lambda data: data + b"x"])
def test_another_file_on_the_server_is_refused(server, release, damage):
    server.folder = release.parent
    path = release / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="the release small could not be fetched.*MTL_RELEASES"):
        find_release("small")


def test_a_page_without_the_release(server, tmp_path):
    server.folder = tmp_path / "empty"
    with pytest.raises(FileNotFoundError, match="404.*MTL_RELEASES to the folder that contains it"):
        find_release("small")


def test_an_unreachable_page_names_the_ways_on(index, monkeypatch):
    monkeypatch.setenv("MTL_RELEASES", "http://127.0.0.1:9/releases")
    with pytest.raises(ConnectionError) as raised:
        find_release("small")
    message = str(raised.value)
    assert "the release small could not be fetched" in message and "Is there a network" in message
    assert "save http://127.0.0.1:9/releases/small/model.json as " in message and "set MTL_RELEASES" in message


def test_a_local_folder_replaces_the_page(index, small, monkeypatch):
    monkeypatch.setenv("MTL_RELEASES", str(small.parent))
    assert find_release("small") == small


def test_other_files_in_a_local_folder_are_refused(index, release, monkeypatch):
    monkeypatch.setenv("MTL_RELEASES", str(release.parent))
    (release / "model.safetensors").write_bytes(b"other")
    with pytest.raises(DataError, match="is not the file of the release small.*give its path"):
        find_release("small")


def test_a_local_folder_without_the_release(index, tmp_path, monkeypatch):
    monkeypatch.setenv("MTL_RELEASES", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="must be an http.s. address, or a folder that contains small/model"):
        find_release("small")


@pytest.mark.parametrize("name", ["small", "mine"])
@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("ftp://example.org/x", "MTL_RELEASES is 'ftp://example.org/x', but only http:// and https:// addresses and"),
        ("/no/such/folder", "MTL_RELEASES is '/no/such/folder', but there is no such folder. Set it to the folder"),
    ],
)
def test_a_wrong_page(page, message, name, index, monkeypatch):
    monkeypatch.setenv("MTL_RELEASES", page)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        find_release(name)


@pytest.mark.parametrize("find", [find_release, load_config])
def test_the_parent_of_releases_is_no_release(find, small, index):
    with pytest.raises(FileNotFoundError, match=f"a folder that contains releases. Give the path of one: {small}"):
        find(small.parent)


def test_a_release_that_only_the_local_folder_has(index, small, monkeypatch, tmp_path):
    shutil.copytree(small, tmp_path / "own" / "mine")
    monkeypatch.setenv("MTL_RELEASES", str(tmp_path / "own"))
    assert is_release("mine") and find_release("mine") == tmp_path / "own" / "mine"


@pytest.mark.parametrize("name", ["smal", "..", "no/such/folder", "hydranet_nyud"])
def test_other_names_are_no_releases(name, index):
    assert not is_release(name)
    with pytest.raises(FileNotFoundError, match="Releases: small"):
        find_release(name)


def fetch(barrier, queue):
    barrier.wait()
    queue.put(str(find_release("small")))


def test_two_processes_fetch_at_once(server, small):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(2), context.Queue()
    processes = [context.Process(target=fetch, args=(barrier, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    folders = {queue.get(timeout=120) for _ in processes}
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert len(folders) == 1 and len(server.requests) == 2
    assert init_model(folders.pop()).tasks


def test_the_shipped_index_describes_the_folder_of_the_source_tree(root):
    """The files of each release are in `releases/`, unchanged, and their model card is up to date."""
    from mtl_plugins.releases import model_card, read_description

    for name, entry in list_releases().items():
        folder = root / "releases" / name
        assert {file: _entry_of(folder / file) for file in entry.files} == entry.files
        assert (folder / "README.md").read_text() == model_card(read_description(folder))
        assert entry.size < 20e6


def test_names_of_releases_and_presets_differ():
    from mtl_plugins.apis import list_presets

    assert not {preset.rpartition("/")[2] for preset in list_presets()} & set(list_releases())
