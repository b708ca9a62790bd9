"""Registries, through skopeo: it knows their protocols, proxies, mirrors, certificates and the engines' credentials."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

from slipway.adapters import program
from slipway.adapters.image import Image
from slipway.errors import InputError, OutsideError

_HINT = "Install it: dnf install skopeo, or apt install skopeo."
_NAME = re.compile(
    r"(?:localhost|(?=[^/]*[.:])[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
"""A host and a path, as the distribution's reference grammar has them."""
_ABSENT = ("manifest unknown", "name unknown", "repository name not known", "404 (not found)", "statuscode: 404")
_CREDENTIALS = ("unauthorized", "authentication required", "denied", "status 401", "status 403", "401 (unauthorized)")
_MESSAGE = re.compile(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"')
_ABOUT = re.compile(r'^Error parsing image name "[^"]*": ')
_SECONDS = 900.0
_EXACT = "--preserve-digests"


def check_name(name: str, setting: str) -> str:
    """A name that a registry can have; else `InputError`, for it is written into a Dockerfile too."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{setting} is {name!r}, which names no place in a registry",
            hint="Write it as registry.example.org/team/name, in lower case, without https:// and without credentials.",
        )
    return name


def check_hosted(name: str, setting: str) -> str:
    """A name that a registry has; else `InputError`, before anything is built for it."""
    if not is_hosted(check_name(name, setting)):
        raise InputError(
            f"{setting} is {name!r}, which no registry has",
            hint=f"Set {setting}: registry.example.org/team, or localhost:5000/team for a registry on this machine.",
        )
    return name


def host(name: str) -> str:
    """The registry of an image's name."""
    return name.partition("/")[0]


def has_tls(name: str) -> bool:
    """Whether a registry is talked to with TLS: each is, but one on this machine."""
    alone = re.sub(r":[0-9]+$", "", host(name)).strip("[]")
    try:
        return not ipaddress.ip_address(alone).is_loopback
    except ValueError:
        return alone != "localhost"


def is_hosted(name: str) -> bool:
    """Whether a registry may have an image of this name: engines say `localhost`, without a port, for none."""
    return has_tls(name) or ":" in host(name)


def has(image: Image) -> bool:
    """Whether its registry has the image's manifest, if it has a registry."""
    return is_hosted(image.name) and manifest(image) is not None


def manifest(image: Image) -> bytes | None:
    """The manifest of an image, its digest checked; None where the registry has no such image."""
    found = named(image.reference)
    if found is not None and f"sha256:{hashlib.sha256(found).hexdigest()}" != image.digest:
        raise OutsideError(f"{host(image.name)} answered with something else than {image.reference}")
    return found


def named(reference: str) -> bytes | None:
    """The manifest that has a tag or digest; None where there is none."""
    return _ask(reference, "inspect", "--raw")


def may_lack(image: Image) -> bool:
    """Whether an image that can be pushed may have to be: it is not there, or a look at it is refused.

    Some registries (Quay, Docker Hub) refuse a look into what does not exist yet. The push tells which it is.
    """
    return _ask(image.reference, "inspect", "--raw", refusable=True) is None


def config(image: Image) -> bytes:
    """The configuration of an image; `OutsideError` where there is no such image."""
    found = _ask(image.reference, "inspect", "--config", "--raw")
    if found is None:
        raise OutsideError(f"{image.reference} is not in its registry", hint="Push it, or name another.")
    return found


def push(folder: Path, ref: str, to: str) -> None:
    """Copy an image of an OCI layout, with what the registry has not yet, byte for byte."""
    _copy(f"oci:{folder}:{ref}", f"docker://{to}", to, [_EXACT, f"--dest-tls-verify={_flag(to)}"])


def push_index(folder: Path, ref: str, to: str) -> None:
    """Copy an index alone. Not byte for byte: skopeo before 1.10 takes that for a change of its type, and refuses."""
    _copy(f"oci:{folder}:{ref}", f"docker://{to}", to, ["--multi-arch=index-only", f"--dest-tls-verify={_flag(to)}"])


def pull(image: Image, folder: Path) -> None:
    """Copy an image into an OCI layout; what is there already is not fetched."""
    flags = [_EXACT, f"--src-tls-verify={_flag(image.name)}"]
    _copy(f"docker://{image.reference}", f"oci:{folder}:image", image.reference, flags)


def transfer(image: Image, to: Image) -> None:
    """Copy an image from one repository to another, byte for byte."""
    flags = [_EXACT, f"--src-tls-verify={_flag(image.name)}", f"--dest-tls-verify={_flag(to.name)}"]
    _copy(f"docker://{image.reference}", f"docker://{to.reference}", to.reference, flags)


def find() -> str:
    """The program; `OutsideError` where there is none."""
    return program.find("skopeo", _HINT)


def _copy(source: str, destination: str, about: str, options: list[str]) -> None:
    command = [find(), "copy", "--quiet", *options, source, destination]
    done = program.attempt(command, seconds=_SECONDS)
    if done.returncode:
        raise _failure(about, _said(program.tail(done)))


def _ask(reference: str, *what: str, refusable: bool = False) -> bytes | None:
    command = [find(), *what, f"--tls-verify={_flag(reference)}", f"docker://{reference}"]
    done = program.attempt(command, seconds=_SECONDS)
    if done.returncode == 0:
        return done.stdout
    said = _said(program.tail(done))
    is_refused = _means(said, reference, _CREDENTIALS)
    if refusable if is_refused else _means(said, reference, _ABSENT):
        return None
    raise _failure(reference, said)


def _failure(about: str, said: str) -> OutsideError:
    """What a registry's refusal means, in one message."""
    registry = host(about)
    if _means(said, about, _CREDENTIALS):
        return OutsideError(
            f"{registry} refuses access to {about}", hint=f"Log in with an account that may: podman login {registry}"
        )
    return OutsideError(f"{registry} failed for {about}: {said}", hint="Is the registry up? Run the command again.")


def _said(output: str) -> str:
    """What is wrong, of all that skopeo logged."""
    found = _MESSAGE.findall(output)
    return _ABOUT.sub("", found[-1].replace('\\"', '"')) if found else output


def _means(said: str, about: str, words: Sequence[str]) -> bool:
    """Whether one of the words is said; a repository may be called by any of them."""
    name = re.split(r"[@:](?!.*/)", about)[0]
    rest = said.replace(name, "").lower()
    return any(word in rest for word in words)


def _flag(name: str) -> str:
    return "true" if has_tls(name) else "false"
