import random

import pytest

from mtl_plugins.prepare.journal import Journal

from ..fuzzing import flip_bit, fuzz, mutations

RESULTS = {f"rgb/{i}.png:{1000 + i}": dict(tasks=["depth"], mean=i / 7, note="Größe") for i in range(5)}


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.txt")
    for key, result in RESULTS.items():
        journal.add(key, result)
    return journal


def test_results_are_read_again(journal, tmp_path):
    assert journal.read() == RESULTS
    journal.remove()
    assert journal.read() == {}


@fuzz(100, 500)
def test_a_flipped_bit_loses_only_its_line(journal, trials):
    data, generator = journal.path.read_bytes(), random.Random(0)
    for _ in range(trials):
        journal.path.write_bytes(flip_bit(data, generator))
        found = journal.read()
        assert found.items() <= RESULTS.items() and len(found) >= len(RESULTS) - 2


@fuzz(100)
def test_a_damaged_journal_has_no_wrong_result(journal, trials):
    for damaged in mutations(journal.path.read_bytes(), trials):
        journal.path.write_bytes(damaged)
        assert all(RESULTS[key] == result for key, result in journal.read().items())


@pytest.mark.parametrize("line", ["1", "[]", "[[1], 2]", "null", "[" * 10_000, "[1, 2, 3]", "\t", "[[], {}, 0]"])
def test_other_lines_are_ignored(journal, line):
    with open(journal.path, "a", errors="surrogateescape") as file:
        file.write(f"\n{line}\n")
    journal.add("last", 1)
    assert journal.read() == RESULTS | {"last": 1}
