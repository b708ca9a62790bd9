"""The tests' GitHub for a whole cluster. Its pull requests are what the Git server beside it has in refs/pull/."""

import subprocess
import threading
import time
from collections.abc import Mapping

from tests.e2e.pod.git_http import ROOT
from tests.github_server import FakeGitHub, State
from tests.github_server.server import _Handler, _Server

PORT = 8081


def main() -> None:
    """Serve until the pod ends."""
    github = FakeGitHub(port=PORT)
    threading.Thread(target=_follow, args=(github,), daemon=True).start()
    with _Server(("0.0.0.0", PORT), _Handler) as server:  # noqa: S104  a pod's own address
        server.github = github
        server.serve_forever()


def _follow(github: FakeGitHub) -> None:
    while True:
        with github.lock:
            take(github.state, _heads(github.state.repository))
        time.sleep(0.2)


def take(state: State, heads: Mapping[int, str]) -> None:
    """Open the pull requests that are new, and give the others their newest commit."""
    for number, head in sorted(heads.items()):
        if number not in state.pulls:
            state.open_pull(head=head)
        elif state.pulls[number].head != head:
            state.push(state.pulls[number], head)


def _heads(repository: str) -> dict[int, str]:
    command = [
        "git",
        "-C",
        f"{ROOT}/{repository}.git",
        "for-each-ref",
        "--format=%(refname) %(objectname)",
        "refs/pull",
    ]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    found = ((*name.split("/"), head) for name, head in map(str.split, lines))
    return {int(number): head for _, _, number, kind, head in found if kind == "head"}


if __name__ == "__main__":
    main()
