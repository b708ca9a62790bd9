"""A release's files behind the real seldon-core server: it answers as the reviewed model, and refuses by name."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.served import NAMES, ROW, VALUES, golden_difference, make, posted

from slipway.adapters.endpoint import Endpoint
from slipway.adapters.image import Layout
from slipway.adapters.server import serve
from slipway.challenger import Challenger
from slipway.delivery.source_image import source
from slipway.errors import OutsideError


@dataclass(frozen=True, kw_only=True)
class Served:
    made: Challenger
    files: Mapping[str, bytes]
    endpoint: Endpoint


@pytest.fixture(scope="module", params=["classification", "regression"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = make(request.param, tmp_path_factory.mktemp("repository"))
    images = Layout(root=tmp_path_factory.mktemp("images"), registry="localhost/slipway")
    image = images.build("toy", made.card.key, source(made.card, made.onnx))
    files = images.files(image)
    with serve(files) as server:
        yield Served(made=made, files=files, endpoint=Endpoint(url=server.url))


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(VALUES)
_JSON = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner), max_leaves=8
)
_ROWS = st.lists(st.tuples(*(st.sampled_from([value, value, None]) | _LEAF for value in VALUES)).map(list), max_size=2)
_TENSOR = st.fixed_dictionaries({"shape": st.lists(st.integers()) | _JSON, "values": _JSON})
HOSTILE = st.fixed_dictionaries(
    {
        "data": st.one_of(
            st.fixed_dictionaries({"ndarray": _ROWS}, optional={"names": st.permutations(NAMES)}),
            st.fixed_dictionaries({"ndarray": _ROWS | _JSON, "names": st.just(NAMES) | _JSON}),
            st.fixed_dictionaries({"tensor": _TENSOR | _JSON}),
            _JSON,
        )
    },
    optional={"meta": st.fixed_dictionaries({}, optional={"tags": _JSON, "puid": _JSON, "requestPath": _JSON})},
)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
one_is_enough = pytest.mark.parametrize("served", ["classification"], indirect=True)


def running(session: int) -> set[int]:
    """The live processes of a session."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == session and state != "Z":
            found.add(int(stat.parent.name))
    return found


def test_the_golden_answers_come_back(served: Served) -> None:
    card = served.made.card
    assert len(card.golden) == 20
    assert any(value is None for golden in card.golden for value in (*golden.numeric, *golden.categorical))
    assert golden_difference(served.endpoint, card) <= card.parity.tolerance


def test_the_order_of_the_columns_is_the_clients_own(served: Served) -> None:
    first = served.endpoint.ask([VALUES], NAMES)
    assert served.endpoint.ask([VALUES[::-1]], NAMES[::-1]) == first
    ordered: list[Any] = [ROW[name] for name in (*served.made.card.numeric, *served.made.card.categorical)]
    assert served.endpoint.ask([ordered]) == first
    assert first.names == (served.made.card.classes or ("target",))
    assert first.key == served.made.card.key


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("flag", True, 1),
        ("count", 3, 3.0),
        ("width", None, float("nan")),
        ("kind", None, ""),
        ("kind", "never seen", "nor this"),
        ("zip", 80331, "80331"),
    ],
)
def test_values_are_read_as_training_read_them(served: Served, name: str, one: Any, other: Any) -> None:
    rows: list[list[Any]] = [list((ROW | {name: value}).values()) for value in (one, other)]
    first, second = served.endpoint.ask(rows, NAMES).rows
    assert first == second


def test_a_tensor_is_answered_with_a_tensor_and_its_meta(served: Served) -> None:
    status, answer = posted(
        served.endpoint,
        {
            "data": {"names": NAMES, "tensor": {"shape": [2, 5], "values": VALUES * 2}},
            "meta": {"puid": "p1", "tags": {"key": "not this", "asked": 1}},
        },
    )
    assert status == 200
    (row,) = served.endpoint.ask([VALUES], NAMES).rows
    assert answer["data"]["tensor"] == {"shape": [2, len(row)], "values": [*row, *row]}
    labels = {"labels": ["high", "high"]} if served.made.card.classes else {}
    assert answer["meta"] == {"puid": "p1", "tags": {"key": served.made.card.key, "asked": 1, **labels}}


def _data(**changes: Any) -> dict[str, Any]:
    return {"data": {"names": NAMES, "ndarray": [VALUES]} | changes}


def _with(name: str, value: Any) -> dict[str, Any]:
    return _data(ndarray=[VALUES, list((ROW | {name: value}).values())])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (_data(names=NAMES[1:], ndarray=[VALUES[1:]]), "columns are missing: 'width'"),
        (_data(names=[*NAMES, "extra"], ndarray=[[*VALUES, 1]]), "does not read: 'extra'"),
        (_data(names=[*NAMES, "zip"], ndarray=[[*VALUES, 1]]), "named twice: 'zip'"),
        (_with("width", "7.5"), "'width' must be a number or null, not \"7.5\""),
        (_with("width", [1]), "'width' must be a number or null, not a list"),
        (_with("width", 1e39), "'width' must be a finite number"),
        (_with("width", float("-inf")), "'width' must be a finite number"),
        (_with("count", 2**53 + 1), "'count' must be a number that 64 bits hold exactly"),
        (_with("kind", 1.5), "'kind' must be a text or null, not 1.5"),
        (_with("kind", value=True), "'kind' must be a text or null, not true"),
        (_with("kind", {"a": 1}), "'kind' must be a text or null, not an object"),
        (_with("kind", "\ud800"), "'kind' holds half of a surrogate pair"),
        (_data(ndarray=[VALUES, VALUES[:3]]), "row 2 has 3 values, not one for each of 'width', 'count'"),
        (_data(ndarray=[VALUES, "row"]), "row 2 is no list"),
        (_data(ndarray=[]), "holds no rows"),
        (_data(ndarray={"a": 1}), "holds no rows"),
        (_data(names="width"), "names must be a list of texts"),
        (_data(names=[[]]), "names must be a list of texts"),
        (_data(tensor={"shape": [1, 5], "values": VALUES}), "more than one kind"),
        ({"data": {"tensor": {"shape": [2, 5], "values": VALUES}}}, "data.tensor must hold values"),
        ({"data": {"tensor": 5}}, "data.tensor must hold values"),
        ({"data": []}, "the request has no data"),
        ({}, "the request has no data"),
        ([], "the request is no object"),
        (5, "the request is no object"),
        (None, "the request is no object"),
        (_data() | {"meta": []}, "meta must be an object"),
        (_data() | {"meta": {"tags": 5}}, "meta.tags must be an object"),
    ],
)
def test_a_bad_request_is_refused_by_name(served: Served, document: Any, said: str) -> None:
    status, answer = posted(served.endpoint, document)
    assert status == 400, answer
    assert said in answer["status"]["info"]


@one_is_enough
def test_whatever_is_asked_is_answered_or_refused(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("model.onnx", "model.json"):
        (tmp_path / name).write_bytes(served.files[name])
    monkeypatch.setenv("SLIPWAY_MODEL_DIR", str(tmp_path))
    from seldon_core.flask_utils import SeldonMicroserviceException

    from slipway.serving.model import Model as ServedModel

    model = ServedModel()
    answered = 0

    @settings(max_examples=200)
    @given(HOSTILE)
    def ask(document: Any) -> None:
        nonlocal answered
        try:
            answer = model.predict_raw(document)
        except SeldonMicroserviceException as refusal:
            status = refusal.status_code
        else:
            status, answered = 200, answered + 1
            assert answer["meta"]["tags"]["key"] == served.made.card.key
        assert status in (200, 400)

    ask()
    assert answered


@needs_curl
@pytest.mark.parametrize(
    "asked",
    [
        ["-d", ""],
        ["-H", "Content-Type: application/json", "-d", ""],
        ["-H", "Content-Type: application/json", "-d", '{"data": {'],
        ["-H", "Content-Type: application/json", "-d", "[" * 100_000],
        ["-F", "json={"],
        ["-F", "strData=x"],
        ["-G", "-d", "json={"],
    ],
)
def test_what_is_no_json_is_refused_as_such(served: Served, asked: list[str]) -> None:
    url = f"{served.endpoint.url}/{'predict' if '-G' in asked else 'api/v1.0/predictions'}"
    done = subprocess.run(
        ["curl", "-s", "-m", "10", "-w", "%{http_code}", url, *asked],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("400")
    info = json.loads(done.stdout[:-3])["status"]["info"]
    assert "JSON" in info or "has no data" in info


def test_an_error_of_the_server_is_one_message(served: Served) -> None:
    with pytest.raises(OutsideError, match=r"answered with 400: columns are missing: 'count', 'flag', 'kind', 'zip'"):
        served.endpoint.ask([[1]], ["width"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data": {"names": ["t"], "ndarray": [[NaN]]}, "meta": {"tags": {"key": "k"}}}', "no answer of a model"),
        (b'{"data": {"names": ["t"], "ndarray": [["1"]]}, "meta": {"tags": {"key": "k"}}}', "no answer of a model"),
        (b'{"data": {"names": ["t"], "ndarray": [[1]]}}', "no answer of a model"),
        (b"[]", "no JSON document"),
        (b"<html>", "no JSON document"),
    ],
)
def test_an_answer_that_is_none_is_one_message(body: bytes, said: str) -> None:
    class Strange(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Strange) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.handle_request)
        endpoint = Endpoint(url=f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(OutsideError, match=said):
            endpoint.ask([[1]])


@needs_curl
def test_the_curl_line_works(served: Served) -> None:
    line = served.endpoint.curl([["it's", 1, 2, None, "01067"]], ["kind", "width", "count", "flag", "zip"])
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True)  # noqa: S607
    assert json.loads(done.stdout)["meta"]["tags"]["key"] == served.made.card.key


def test_many_clients_at_once_are_answered_alike(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: served.endpoint.ask([VALUES], NAMES), range(24)))
    assert len(answers) == 1


@one_is_enough
def test_all_of_a_server_ends_with_its_block(served: Served) -> None:
    with serve(served.files) as server:
        endpoint = Endpoint(url=server.url)
        assert len(running(server.process.pid)) > 2
    assert not running(server.process.pid)
    assert not endpoint.is_up()
    with pytest.raises(OutsideError, match="does not answer"):
        endpoint.ask([VALUES], NAMES)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.onnx", b"damaged", "model.onnx is damaged or another model's"),
        ("model.json", b"{}", "model.json is no model's card: KeyError"),
        ("model.json", b"[", "model.json is no model's card"),
    ],
)
@one_is_enough
def test_what_is_not_the_reviewed_model_is_not_served(served: Served, name: str, content: bytes, said: str) -> None:
    with pytest.raises(OutsideError, match="did not start") as failure, serve({**served.files, name: content}):
        pass
    assert said in failure.value.what
    assert "this model is not served: " in failure.value.what
    assert "Traceback" not in failure.value.what


@one_is_enough
def test_a_graph_of_another_key_is_not_served(served: Served) -> None:
    card = served.made.card.model_copy(update={"key": "0" * 64})
    said = f"this model is not served: model.onnx is of the key {served.made.card.key}, model.json of {'0' * 64}"
    with pytest.raises(OutsideError, match=said), serve({**served.files, "model.json": card.to_json()}):
        pass


@one_is_enough
def test_a_folder_that_is_none_is_said(served: Served) -> None:
    with pytest.raises(OutsideError, match=r"there is no \.s2i/environment"), serve({"model.onnx": served.made.onnx}):
        pass


@one_is_enough
@pytest.mark.parametrize("port", [None, 1 << 20])
def test_a_port_that_cannot_be_used_is_said_at_once(served: Served, port: int | None) -> None:
    taken = port or int(served.endpoint.url.rpartition(":")[2])
    with pytest.raises(OutsideError, match=f"port {taken} cannot be used"), serve(served.files, port=taken):
        pass
