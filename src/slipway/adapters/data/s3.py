"""S3 as data need it: large objects, from whatever server a remote's configuration names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slipway.adapters.data.files import CHUNK, Told
from slipway.errors import InputError, OutsideError, StoreError

ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
CHANGED = frozenset({"PreconditionFailed", "412"})
_DENIED = frozenset({"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_KEYS = "Give credentials as boto3 finds them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile)."
_ADDRESS = "Check the address, AWS_ENDPOINT_URL or endpointurl, and the credentials' rights there."


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """How a server is reached, in the words of `.dvc/config`; whatever is left out is found as boto3 finds it."""

    endpointurl: str | None = None
    region: str | None = None
    profile: str | None = None
    credentialpath: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    ssl_verify: bool | str | None = None
    use_ssl: bool = True
    allow_anonymous_login: bool = False
    upload: Mapping[str, str] = field(default_factory=dict)
    """What is asked for with each upload, in boto3's words."""

    def client(self) -> Any:  # noqa: ANN401  boto3 has no types
        """A client; `StoreError` where the configuration cannot be used."""
        import boto3
        import botocore.session
        from botocore import UNSIGNED
        from botocore.config import Config

        retries = {"mode": "standard", "max_attempts": 5}
        config = Config(retries=retries, connect_timeout=10, read_timeout=60)
        if self.allow_anonymous_login:
            config = config.merge(Config(signature_version=UNSIGNED))
        with failing("S3"):
            base = botocore.session.Session(profile=self.profile)
            if self.credentialpath:
                base.set_config_variable("credentials_file", self.credentialpath)
            session = boto3.session.Session(
                botocore_session=base,
                aws_access_key_id=self.access_key_id,
                aws_secret_access_key=self.secret_access_key,
                aws_session_token=self.session_token,
                region_name=self.region,
            )
            return session.client(
                "s3", endpoint_url=self.endpointurl, verify=self.ssl_verify, use_ssl=self.use_ssl, config=config
            )


@contextmanager
def failing(where: str, *, absent: Callable[[], Exception] | None = None) -> Iterator[None]:
    """Say clearly what S3 answers: `StoreError`, or what `absent` makes where there is nothing of that name."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in ABSENT and absent is not None:
            raise absent() from None
        if code in CHANGED:
            raise OutsideError(f"{where} changed while it was read", hint="Run the command again.") from None
        raise StoreError(f"{where} cannot be used: {error}", hint=_KEYS if code in _DENIED else _ADDRESS) from None
    except NoCredentialsError:
        raise StoreError(f"{where} wants credentials, and there are none", hint=_KEYS) from None
    except (BotoCoreError, Boto3Error, ValueError) as error:
        raise StoreError(f"{where} cannot be used: {error}", hint=_ADDRESS) from None


def split(url: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`; `InputError` for anything else."""
    try:
        parts = urlsplit(url)
        is_place = parts.scheme == "s3" and bool(parts.netloc) and not parts.query and not parts.fragment
    except ValueError:  # half of an IPv6 address
        is_place = False
    if not is_place:
        raise InputError(f"{url} is no place in S3", hint="Write s3://bucket/path.")
    return parts.netloc, parts.path.strip("/")


def download(client: Any, where: str, absent: Callable[[], Exception], **which: str) -> Iterator[bytes]:  # noqa: ANN401
    """An object's content, piece by piece."""
    with failing(where, absent=absent):
        body = client.get_object(**which)["Body"]
        yield from body.iter_chunks(CHUNK)


def upload(client: Any, file: Path, where: str, options: S3Options, told: Told, **which: str) -> None:  # noqa: ANN401
    """Put a file there, large ones in parts; it is there whole or not at all."""
    lock, through = threading.Lock(), [0]

    def advance(more: int) -> None:  # from several threads
        with lock:
            through[0] += more
            told(through[0])

    with failing(where):
        client.upload_file(str(file), which["Bucket"], which["Key"], ExtraArgs=dict(options.upload), Callback=advance)
