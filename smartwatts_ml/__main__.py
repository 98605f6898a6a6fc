"""The ``smartwatts`` command: how errors become exit codes.

Exit codes: 0 done (a rejected challenger is 0), 1 the work failed, 2 wrong use,
3 bad input, 4 the store or its trust, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import logging
import sys

from rich.text import Text

from smartwatts_ml.commands.cli import app
from smartwatts_ml.commands.console import err
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.modelfiles.tensorflow import settle_environment
from smartwatts_ml.printable import printable

__all__ = ["main"]


def main() -> None:
    """Run the command line; a known error is one line and an exit code, never a traceback."""
    settle_environment()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except SmartwattsError as error:
        _tell(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _tell(f"{where}{error.strerror or error}")
        sys.exit(1)


def _tell(error: str) -> None:
    err.print(Text.assemble(("error:", "red"), " ", printable(error)), soft_wrap=True)


if __name__ == "__main__":
    main()
