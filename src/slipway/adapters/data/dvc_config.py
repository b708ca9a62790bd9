"""`.dvc/config`: which remote has the data, in DVC's own words, so that it is configured once for both.

https://doc.dvc.org/user-guide/project-structure/configuration says them. `config.local` beside it, which Git ignores,
goes before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from slipway.adapters.data import s3
from slipway.adapters.data.s3 import S3Options
from slipway.errors import InputError

FOLDER = ".dvc"
CONFIG, LOCAL = f"{FOLDER}/config", f"{FOLDER}/config.local"
_MAX_BYTES = 65_536
_REMOTE = re.compile(r"""^'?remote\s+"(.+)"'?$""")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_TEXTS = ("endpointurl", "region", "profile", "credentialpath", "access_key_id", "secret_access_key", "session_token")
_UPLOAD = {"sse": "ServerSideEncryption", "sse_kms_key_id": "SSEKMSKeyId", "acl": "ACL"}
_OTHER_LAYOUTS = ("version_aware", "worktree")
_UNREAD = ("configpath", "sse_customer_algorithm", "sse_customer_key", "grant_read", "grant_full_control")
_ADD = (
    "`dvc remote add -d storage s3://bucket/prefix` writes it; or write into .dvc/config:\n"
    "    [core]\n        remote = storage\n    ['remote \"storage\"']\n        url = s3://bucket/prefix"
)


def cache(repo: Path) -> Path | None:
    """DVC's own cache, where `dvc init` was run and so has Git ignore it; else None."""
    ignored = _content(repo / FOLDER / ".gitignore").decode(errors="replace").split()
    place = repo / FOLDER / "cache"
    return place if "/cache" in ignored and not (repo / FOLDER).is_symlink() and not place.is_symlink() else None


Sections = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class RemoteConfig:
    """The default remote: `s3://bucket/prefix`, or a folder's whole path."""

    name: str
    url: str
    s3: S3Options = field(default_factory=S3Options, repr=False)

    @classmethod
    def read(cls, repo: Path, environ: Mapping[str, str], *, config: bytes | None = None) -> Self:
        """The remote of a repository; with `config`, as that says in place of the working tree's `.dvc/config`.

        Raises `InputError` where there is none, or where it is of a kind that is not read, or no place.
        """
        shared = config if config is not None else _content(repo / CONFIG)
        sections = _merged(_sections(shared, CONFIG), _sections(_content(repo / LOCAL), LOCAL))
        name = sections.get("core", {}).get("remote", "").lower()
        if not name:
            raise InputError("this repository has no DVC remote, where data beyond Git are kept", hint=_ADD)
        options = next((values for title, values in sections.items() if _named(title) == name), {})
        if not (url := options.get("url", "")):
            raise InputError(f"{CONFIG} has no url for the remote {name!r}", hint=_ADD)
        if wrong := [key for key in _OTHER_LAYOUTS if _truth(options, key, CONFIG)]:
            raise InputError(
                f"the DVC remote {name!r} is {wrong[0]}: files lie there by name, and not by checksum",
                hint="Name a remote without it for the data.",
            )
        return cls(name=name, url=_place(url, repo, environ), s3=_s3(options))


def _content(file: Path) -> bytes:
    """A file of a few lines, or nothing."""
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        return stream.read(_MAX_BYTES + 1)


def _sections(content: bytes, file: str) -> Sections:
    parser = ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    try:
        if len(content) > _MAX_BYTES:
            raise ConfigError("it is too large")  # noqa: TRY301  told as the parser's own
        lines = (line.strip() for line in content.decode().splitlines())  # DVC indents, which continues a value here
        parser.read_string("\n".join(lines), source=file)
    except (ConfigError, UnicodeDecodeError) as error:
        what = str(error).replace("\n", " ")
        raise InputError(f"{file} cannot be read: {what}", hint="Mend it, or write it by `dvc remote add`.") from None
    return {title: {key: value.strip("'\"") for key, value in parser.items(title)} for title in parser.sections()}


def _named(title: str) -> str | None:
    return found[1].lower() if (found := _REMOTE.match(title)) else None


def _merged(shared: Sections, local: Sections) -> Sections:
    return {title: {**shared.get(title, {}), **local.get(title, {})} for title in {**shared, **local}}


def _place(url: str, repo: Path, environ: Mapping[str, str]) -> str:
    """The address, with a folder's whole path: DVC counts from the folder of its configuration."""
    if not url.isprintable():
        raise InputError(f"the url of the DVC remote, {url!r}, is no place", hint=_ADD)
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[1] == "file":
        path = url.removeprefix("file://")
        if path.startswith("~/"):
            path = environ.get("HOME", "") + path[1:]
        return str((repo / FOLDER / path).resolve())
    if scheme[1] != "s3":
        raise InputError(
            f"a DVC remote at {scheme[1]}:// is not read",
            hint="Keep the data in S3 (s3://bucket/prefix) or in a folder.",
        )
    s3.split(url)
    return url.rstrip("/")


def _s3(options: Mapping[str, str]) -> S3Options:
    if unread := [key for key in _UNREAD if key in options]:
        raise InputError(
            f"{unread[0]} of a DVC remote is not read", hint="Say it by the environment (AWS_*), or leave it out."
        )
    verify = options.get("ssl_verify")
    return S3Options(
        **{key: options[key] for key in _TEXTS if options.get(key)},
        ssl_verify=None if verify is None else _TRUTH.get(verify.lower(), verify),
        use_ssl=_truth(options, "use_ssl", CONFIG, default="true"),
        allow_anonymous_login=_truth(options, "allow_anonymous_login", CONFIG),
        upload={theirs: options[ours] for ours, theirs in _UPLOAD.items() if options.get(ours)},
    )


def _truth(options: Mapping[str, str], key: str, file: str, *, default: str = "false") -> bool:
    said = options.get(key, default).lower()
    if said not in _TRUTH:
        raise InputError(f"{file}: {key} must be true or false, not {said!r}")
    return _TRUTH[said]
