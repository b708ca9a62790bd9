"""An artefact's archive, from the place that GitHub leads to. That is another host: it never sees the token."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from slipway.adapters.github.line import Line, Request
from slipway.adapters.github.patience import Failure, Trouble
from slipway.adapters.github.refusals import RefusedError
from slipway.errors import OutsideError
from slipway.forge.interface import TooLargeError

if TYPE_CHECKING:
    import httpx

    from slipway.forge.interface import Artifact

_CHUNK = 2**16
_TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class Download:
    """One archive, and how much of it is wanted at most."""

    line: Line = field(repr=False)
    artifact: Artifact
    limit: int

    def into(self, to: BinaryIO) -> None:
        """Write the archive where the stream stands; a part that came before is written over.

        Raises `TooLargeError` beyond `limit` bytes, whatever was said of its size; `OutsideError` if GitHub gives up.
        """
        start = to.tell()

        def once() -> int | Failure:
            to.seek(start)
            to.truncate()
            return self._try(to)

        self.line.patiently(once, f"download {self._name}")

    @property
    def _name(self) -> str:
        return f"artefact {self.artifact.name!r}"

    def _try(self, to: BinaryIO) -> int | Failure:
        import httpx

        address = self._address()
        try:
            with httpx.stream("GET", address, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}) as response:
                if response.status_code != HTTPStatus.OK:
                    return Failure(trouble=Trouble.UNSURE, what=f"answers with {response.status_code}")
                return self._copy(response, to)
        except httpx.TransportError as error:
            return Failure(trouble=Trouble.UNSURE, what=f"ends the connection ({type(error).__name__})")

    def _copy(self, response: httpx.Response, to: BinaryIO) -> int:
        written = 0
        for chunk in response.iter_raw(_CHUNK):
            written += len(chunk)
            if written > self.limit:
                raise TooLargeError(f"{self._name} is larger than the {self.limit:,} bytes that are read of it")
            to.write(chunk)
        return written

    def _address(self) -> str:
        """Where the archive lies for the next minute. The address is as good as a password."""
        path = f"/repos/{self.line.settings.repository}/actions/artifacts/{self.artifact.id}/zip"
        request = Request(
            method="GET", path=path, doing=f"read {self._name}", needs="actions=read", leads_elsewhere=True
        )
        try:
            response = self.line.send(request)
        except RefusedError as error:
            if error.status == HTTPStatus.GONE:
                raise OutsideError(f"{self._name} has expired", hint="Run the workflow again.") from None
            raise
        address = response.headers.get("location", "")
        if urlsplit(address).scheme not in {"https", urlsplit(self.line.settings.api).scheme}:
            raise OutsideError(f"GitHub says no place to download {self._name} from", hint=_AGAIN)
        return address


_AGAIN = "Run the command again."


def download(line: Line, artifact: Artifact, to: BinaryIO, limit: int) -> None:
    """Write an artefact's archive to a stream that can be wound back."""
    Download(line=line, artifact=artifact, limit=limit).into(to)
