"""`slipway`, and `python -m slipway`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command. An interrupt while its parts are still being read is told like any other."""
    try:
        from slipway.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("slipway: interrupted before anything was done\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
