import os
import random

import pytest

from mtl_plugins.files import DataError, read_json, read_lines, read_text
from mtl_plugins.files.text_file import MAX_LINE

from ..fuzzing import fuzz, mutations


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["unix", "windows", "old mac"])
def test_lines_of_every_system(tmp_path, mark, end):
    file = tmp_path / "list.txt"
    file.write_bytes(mark + end.join([b"one\ttwo  ", b"# comment", b"", b" \t ", "fünf\u2028x".encode(), b"six\t"]))
    found = [(line.number, line.text) for line in read_lines(file)]
    assert found == [(1, "one\ttwo"), (5, "fünf\u2028x"), (6, "six\t")]
    assert [line.place for line in read_lines(file)][1] == f"{file}, line 5"


def test_byte_order_marks_of_joined_files_are_ignored(tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes(b"# comment\n\xef\xbb\xbfone\n\xef\xbb\xbf# comment\n\xef\xbb\xbf\n")
    assert [line.text for line in read_lines(file)] == ["one"]


@pytest.mark.parametrize(
    "data, message",
    [
        ("eins\nzwei\nfünf".encode("latin1"), "list.txt, line 3: the byte 0xfc is not valid UTF-8.*iconv -f LATIN1"),
        ("eins\rfünf".encode("latin1"), "list.txt, line 2: the byte 0xfc"),
        ("one\n".encode("utf-16"), "line 1: the file is encoded in UTF-16, not in UTF-8.*iconv -f UTF-16"),
        ("one\n".encode("utf-32"), "line 1: the file is encoded in UTF-32"),
        ("one\ntwo".encode("utf-16-le"), "line 1: contains a zero byte"),
        (b"one\ntw\0", "line 2: contains a zero byte, so it is a binary file"),
        (b"one\n" + b"x" * (MAX_LINE + 1), "line 2: has 65,537 characters; the longest line may have 65,536"),
    ],
)
def test_other_encodings_and_binary_files_are_explained(tmp_path, data, message):
    file = tmp_path / "list.txt"
    file.write_bytes(data)
    with pytest.raises(DataError, match=message):
        list(read_lines(file))


def test_what_is_no_text_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the file .*absent.txt does not exist\."):
        read_text(tmp_path / "absent.txt")
    with pytest.raises(DataError, match="is not a text file, but a folder"):
        read_text(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer forever
    with pytest.raises(DataError, match="is not a text file, but a device"):
        read_text(tmp_path / "pipe")
    (tmp_path / "large.txt").write_text("12345")
    with pytest.raises(DataError, match="has 5 bytes, but a text file may have 4"):
        read_text(tmp_path / "large.txt", max_bytes=4)
    with pytest.raises(OSError, match="cannot read .*name too long"):
        read_text(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"a": 1,', "about.json, line 1: not valid JSON .*truncated"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        ("[1, 2]", r"must contain a JSON object .* but contains \[1, 2\]"),
        ("", "line 1: not valid JSON"),
    ],
)
def test_json_that_is_no_object(tmp_path, text, message):
    (tmp_path / "about.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_json(tmp_path / "about.json")


@fuzz(short=60)
def test_damaged_text_is_read_or_refused_with_one_sentence(tmp_path, trials):
    file = tmp_path / "list.txt"
    data = "rgb/ä.png\tmasks/1.png\r\n# comment\n\nrgb/2.png\t-\n".encode() * random.Random(0).randrange(1, 9)
    for changed in mutations(data, trials):
        file.write_bytes(changed)
        try:
            assert all(line.text and line.number > 0 for line in read_lines(file))
        except DataError as error:
            assert str(error).startswith(f"{file}, line ")
