"""Pointers: DVC's own form, and nothing that leads elsewhere."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slipway.datasets.pointer import MAX_BYTES, Pointer, Source
from slipway.errors import InputError

FILE = "data/iris/train.csv.dvc"
MD5 = "e5ebd4c02cefbe7955977c67ada242b7"
ADDED = f"outs:\n- md5: {MD5}\n  size: 8\n  hash: md5\n  path: train.csv\n"
IMPORTED = """\
md5: 77b5d57394c2561f7c4e71f82796db77
frozen: true
deps:
- etag: c5562e6604237de4f57deb8f3f042fff
  size: 8
  hash: md5
  path: s3://bucket/in/x.csv
outs:
- md5: c5562e6604237de4f57deb8f3f042fff
  size: 8
  hash: md5
  path: imp.csv
"""
VERSION = """\
md5: acaa59d96de73e1a8bddf2e28ebb41f4
frozen: true
deps:
- etag: c5562e6604237de4f57deb8f3f042fff
  size: 8
  version_id: 38e809c2-a8a7-441c-99a1-600e36ec4c2b
  hash: md5
  path: s3://ver/in/x.csv
  fs_config:
    version_aware: true
outs:
- md5: c5562e6604237de4f57deb8f3f042fff
  size: 8
  hash: md5
  path: ver.csv
  push: false
"""


@pytest.mark.parametrize(("text", "file"), [(ADDED, FILE), (IMPORTED, "data/a/imp.csv.dvc")])
def test_what_dvc_wrote_is_written_again_byte_for_byte(text: str, file: str) -> None:
    """DVC 3.67 wrote these; the first line of an import is the digest of what follows."""
    assert Pointer.parse(text.encode(), file).to_bytes().decode() == text
    assert Pointer.parse(text.replace("\n", "\r\n").encode(), file).to_bytes().decode() == text


def test_the_checksum_of_an_import_is_that_of_its_data() -> None:
    found = Pointer.parse(VERSION.encode(), "data/a/ver.csv.dvc")
    assert found.digest == "md5:c5562e6604237de4f57deb8f3f042fff"
    assert found.source == Source(
        url="s3://ver/in/x.csv",
        etag="c5562e6604237de4f57deb8f3f042fff",
        version_id="38e809c2-a8a7-441c-99a1-600e36ec4c2b",
        size=8,
    )


@pytest.mark.parametrize(
    "text",
    [
        f"# where from\ndesc: ours\nmeta: {{a: [1]}}\nwdir: .\n{ADDED}  remote: other\n  push: false\n",
        f"outs: [{{path: train.csv, md5: '{MD5}'}}]\n",
        ADDED + "deps:\n- path: train.csv\n  repo:\n    url: https://example.org/registry\n    rev_lock: abc\n",
    ],
)
def test_what_else_dvc_notes_is_no_fault(text: str) -> None:
    assert Pointer.parse(text.encode(), FILE).md5 == MD5


BOMB = "a: &a [x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- 1\n", ":1: the pointer must be a mapping"),
        ("outs: []", "outs must be a list of mappings"),
        ("outs: 3", "outs must be a list of mappings"),
        ("outs:\n- path: train.csv\n", ":2: the pointer names no checksum"),
        (ADDED + ADDED[6:].replace("train", "other"), ":6: outs has 2 entries: a pointer names one file"),
        (ADDED + ADDED, "'outs' stands there twice"),
        (ADDED.replace(MD5, "../../etc/passwd"), ":2: md5 must be 32 hexadecimal digits"),
        (ADDED.replace(MD5, MD5.upper()), ":2: md5 must be"),
        (ADDED.replace(MD5, f"[{MD5}]"), ":2: the pointer names no checksum"),
        (ADDED.replace(MD5, f"{MD5}.dir"), ":2: the pointer names a folder, and data are one file"),
        (ADDED.replace("hash: md5", "hash: sha256"), ":4: hash 'sha256' is not read"),
        (ADDED.replace("train.csv", "../../.git/config"), ":5: the pointer names '../../.git/config'"),
        (ADDED.replace("train.csv", "/etc/passwd"), ":5: the pointer names '/etc/passwd'"),
        (ADDED.replace("train.csv", "other.csv"), ":5: the pointer names 'other.csv' instead of 'train.csv'"),
        (ADDED.replace("size: 8", "size: -1"), ":3: size must be a number of bytes"),
        (ADDED.replace("size: 8", "size: 1e9"), ":3: size must be"),
        (ADDED.replace("size: 8", f"size: {2**63}"), ":3: size must be"),
        ("wdir: ..\n" + ADDED, ":1: wdir is not taken"),
        (IMPORTED.replace("imp.csv", "train.csv").replace("  path: s3", "  pith: s3"), "deps must have a path"),
        (
            IMPORTED.replace("imp.csv", "train.csv").replace("s3://", '"s3://\\e[2J"  #'),
            ":7: path must be a short text",
        ),
        (BOMB + ADDED, "is not taken"),
        ("!!python/object/apply:os.system [ls]\n", r"a tag \(tag:yaml.org,2002:python/object/apply:os.system\)"),
        ("[" * 200, "nested too deeply"),
        (ADDED + "#" * MAX_BYTES, "the pointer is larger than 65,536 bytes"),
        ("outs:\n- md5: \x00\n", "not YAML"),
    ],
)
def test_a_hostile_pointer_is_one_clear_fault(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("[2", r"\[2")) as caught:
        Pointer.parse(text.encode(), FILE)
    assert str(caught.value).startswith(FILE)
    assert "manifest" not in str(caught.value)
    assert caught.value.faults[0].hint


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    try:
        found = Pointer.parse(content, FILE)
    except InputError:
        return
    assert found.path == "train.csv"


words = st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FF), min_size=1, max_size=40)
digests = st.text("0123456789abcdef", min_size=32, max_size=32) | st.from_regex(r"[0-9]{15}e[0-9]{16}", fullmatch=True)


@given(digests, st.integers(0, 2**62), words, words, words | st.just(""))
def test_what_is_written_is_read_again(md5: str, size: int, url: str, etag: str, version: str) -> None:
    source = Source(url=url, etag=etag, version_id=version, size=size)
    pointer = Pointer(path="train.csv", md5=md5, size=size, source=source)
    assert Pointer.parse(pointer.to_bytes(), FILE) == pointer
    told = yaml.safe_load(pointer.to_bytes())
    assert (told["outs"][0]["md5"], told["deps"][0]["path"], told["deps"][0]["etag"]) == (md5, url, etag)
