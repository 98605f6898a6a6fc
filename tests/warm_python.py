"""An interpreter with some modules loaded, which forks for each piece of code that it is sent.

``python -m tests.warm_python NAME...``, started by warm.py; a name is one for
``pkgutil.resolve_name``. A line of JSON asks (``code``, ``arguments``, ``environment``) and a
line answers (``status``, ``stdout``, ``stderr``).
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
import tempfile
import traceback


def answer(code: str, arguments: list[str], environment: dict[str, str]) -> dict[str, object]:
    """Exit status of the code and what it wrote, in a child of this process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os.environ.clear()
            os.environ.update(environment)
            os._exit(status_of(code, arguments))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        errors.seek(0)
        return {
            "status": status,
            "stdout": out.read().decode(),
            "stderr": errors.read().decode(),
        }


def status_of(code: str, arguments: list[str]) -> int:
    """Run the code here; what the interpreter would exit with."""
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<test>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for name in sys.argv[1:]:
        pkgutil.resolve_name(name)
    for request in sys.stdin:
        answers.write(json.dumps(answer(**json.loads(request))) + "\n")
        answers.flush()
    os._exit(0)  # threads of libraries may take seconds to end
