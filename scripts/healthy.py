"""Health check of a container without curl: exit 0 if the address answers with success."""

from __future__ import annotations

import sys
from urllib.request import urlopen


def _main(url: str) -> int:
    try:
        urlopen(url, timeout=8).close()
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
