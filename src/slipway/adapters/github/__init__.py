"""GitHub, and GitHub Enterprise Server: what slipway asks of a forge, answered over its REST API."""

from slipway.adapters.github.forge import GitHub, connect, token
from slipway.adapters.github.settings import Settings

__all__ = ["GitHub", "Settings", "connect", "token"]
