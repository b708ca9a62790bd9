"""Whatever a server does on a line, one answer comes of it or one reason, in time and within bounds."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.endpoints import fake, http, says

from slipway.adapters import line as lines
from slipway.adapters.line import MAX_BYTES, EndpointError, Kind, Line

HEAD = b"HTTP/1.1 200 OK\r\n"


def drip(line: socket.socket, content: bytes) -> None:
    """One byte after the other, each long before a socket's own timeout."""
    with suppress(OSError):
        for byte in content:
            line.sendall(bytes([byte]))
            time.sleep(0.02)


def flood(line: socket.socket, part: bytes, head: bytes = b"") -> None:
    """The same again and again, until nobody listens."""
    with suppress(OSError):
        line.sendall(head)
        while True:
            line.sendall(part)


@contextmanager
def opened(url: str, timeout: float = 10.0) -> Iterator[Line]:
    with closing(Line(url, timeout)) as line:
        yield line


def reset(line: socket.socket, _: bytes) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    line.close()


@pytest.mark.parametrize(
    ("act", "kind", "said"),
    [
        (lambda *_: time.sleep(1), Kind.TIMEOUT, "did not answer within 0.3 s"),
        (lambda line, _: drip(line, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000), Kind.TIMEOUT, "within 0.3 s"),
        (lambda line, _: drip(line, http("x" * 1000)), Kind.TIMEOUT, "within 0.3 s"),
        (lambda line, _: flood(line, b"HTTP/1.1 100 Continue\r\n\r\n"), Kind.TIMEOUT, "within 0.3 s"),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), Kind.PROTOCOL, "what is not HTTP: SSH-2.0"),
        (lambda line, _: flood(line, b"x" * 512), Kind.PROTOCOL, "what is not HTTP"),
        (lambda line, _: flood(line, b"X: 1\r\n", HEAD), Kind.PROTOCOL, "what is not HTTP: got more than 100 headers"),
        (says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Kind.PROTOCOL, "broke off"),
        (
            lambda line, _: (line.sendall(HEAD + b"Content-Length: 9\r\n\r\nhalf"), line.close()),
            Kind.PROTOCOL,
            "broke off",
        ),
        (reset, Kind.CONNECTION, "does not answer: "),
        (lambda line, _: line.close(), Kind.CONNECTION, "does not answer: "),
        (lambda line, _: line.sendall(b"HTTP/1.1 99999 No\r\n\r\n"), Kind.PROTOCOL, "what is not HTTP"),
    ],
)
def test_what_is_no_answer_is_one_reason_in_time(act: object, kind: Kind, said: str) -> None:
    began = time.monotonic()
    with fake(act) as server, opened(server.url, 0.3) as line, pytest.raises(EndpointError) as failure:  # type: ignore[arg-type]  # a table of lambdas
        line.ask("GET", "/")
    assert (failure.value.kind, said in failure.value.said) == (kind, True), failure.value.said
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (HEAD + b"Content-Length: 99999999999999\r\n\r\n", b"x" * 65536),
        (HEAD + b"Connection: close\r\n\r\n", b"x" * 65536),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    ],
)
def test_no_more_is_read_than_a_model_could_answer(head: bytes, part: bytes) -> None:
    def act(there: socket.socket, _: bytes) -> None:
        flood(there, part, head)

    with fake(act) as server, opened(server.url) as line, pytest.raises(EndpointError) as failure:
        line.ask("GET", "/")
    assert (failure.value.kind, failure.value.said) == (Kind.SIZE, "answered with 200 and more than 8 MB")


def test_the_largest_answer_is_read() -> None:
    with fake(says(http(b"x" * MAX_BYTES))) as server, opened(server.url) as line:
        assert len(line.ask("GET", "/").body) == MAX_BYTES


def test_a_line_is_kept_and_its_prefix_is_put_before_each_path() -> None:
    seen: list[tuple[int, bytes]] = []

    def act(line: socket.socket, request: bytes) -> None:
        seen.append((line.getpeername()[1], request.split(b" ")[1]))
        line.sendall(http("x"))

    with fake(act) as server, opened(f"{server.url}/seldon/ns/toy") as line:
        assert [line.ask("GET", path).body for path in ("/a", "/b")] == [b"x", b"x"]
    assert [path for _, path in seen] == [b"/seldon/ns/toy/a", b"/seldon/ns/toy/b"]
    assert len({port for port, _ in seen}) == 1


def test_a_line_that_was_hung_up_while_idle_is_opened_again() -> None:
    answered = 0

    def once(line: socket.socket, _: bytes) -> None:
        nonlocal answered
        answered += 1
        line.sendall(http("x"))
        line.close()

    with fake(once) as server, opened(server.url) as line:
        for _ in range(3):
            assert line.ask("GET", "/").status == 200
            time.sleep(0.02)
    assert answered == 3


@pytest.mark.parametrize(
    ("late", "said"),
    [(b"", "does not answer: "), (http("x" * 10)[:-5], "broke off in the middle of an answer")],
)
def test_what_was_dropped_is_not_asked_twice(late: bytes, said: str) -> None:
    asked = 0

    def act(line: socket.socket, _: bytes) -> None:
        nonlocal asked
        asked += 1
        line.sendall(http("x") if asked == 1 else late)
        if asked > 1:
            reset(line, b"")

    with fake(act) as server, opened(server.url) as line:
        line.ask("GET", "/")
        with pytest.raises(EndpointError, match=said):
            line.ask("GET", "/")
    assert asked == 2


def test_after_a_failure_the_next_question_gets_its_own_answer() -> None:
    numbers = iter(range(9))

    def act(line: socket.socket, _: bytes) -> None:
        number = next(numbers)
        line.sendall(http("x" * (MAX_BYTES + 1) if number == 0 else f"{number}"))

    with fake(act) as server, opened(server.url) as line:
        with pytest.raises(EndpointError, match="more than 8 MB"):
            line.ask("GET", "/")
        assert line.ask("GET", "/").body == b"1"


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with opened(f"http://127.0.0.1:{port}") as line, pytest.raises(EndpointError, match=r"does not answer: .*refused"):
        line.ask("GET", "/")


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with fake(says(http("x"))) as server, opened(server.url) as line:
        assert line.ask("GET", "/").status == 200


@settings(max_examples=60)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: HEAD + rest))
def test_any_bytes_are_an_answer_or_a_reason(content: bytes) -> None:
    def act(there: socket.socket, _: bytes) -> None:
        there.sendall(content)
        there.close()

    with fake(act) as server, opened(server.url, 2) as line:
        try:
            said = f"{line.ask('GET', '/').status}"
        except EndpointError as error:
            said = error.said
    assert said.isprintable()
    assert said


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


@pytest.mark.parametrize("known", [True, False])
def test_a_certificate_is_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool) -> None:
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    lines._certificates.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as line:
                line.recv(65536)
                line.sendall(http("x"))

        thread = threading.Thread(target=serve)
        thread.start()
        line = Line(f"https://127.0.0.1:{listener.getsockname()[1]}", 5)
        if known:
            assert line.ask("GET", "/").body == b"x"
        else:
            with pytest.raises(EndpointError, match="has a certificate that this machine does not trust") as failure:
                line.ask("GET", "/")
            assert "SSL_CERT_FILE" in failure.value.hint
        line.close()
        thread.join()
    lines._certificates.cache_clear()
