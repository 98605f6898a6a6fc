"""An interpreter that has Airflow in it, and forks for each piece of code that it is sent.

Started by warm.py. A line of JSON asks, ``code`` and ``arguments``, and a line answers,
``output`` and ``status``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

# What Airflow's own DAG processor has loaded before it forks for a DAG file.
import airflow.dag_processing.dagbag
import airflow.triggers.base  # noqa: F401
from airflow.sdk import (  # noqa: F401 - found lazily there: this loads them
    DAG,
    BaseSensorOperator,
    CronTriggerTimetable,
    Param,
    task,
    task_group,
)


def run(code: str, arguments: list[str]) -> dict[str, object]:
    """What the code printed, and its exit status, in a child of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os._exit(status_of(code, arguments))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        output = pipe.read()
    return {"output": output, "status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


def status_of(code: str, arguments: list[str]) -> int:
    """Run the code here; what the interpreter would exit with."""
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<test>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
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
    for request in sys.stdin:
        answers.write(json.dumps(run(**json.loads(request))) + "\n")
        answers.flush()
    os._exit(0)  # threads of Airflow's take seconds to end
