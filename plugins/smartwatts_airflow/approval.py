"""The task that asks a person whether an accepted model is to be published, and waits.

It holds no worker while it waits. Who answered what is weighed and left by the stage, which
``publish`` believes and nothing else: neither a state that somebody set, nor another run's answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk.exceptions import TaskAwaitingInput

from smartwatts_airflow.addresses import answer_page, model_path, report_path
from smartwatts_airflow.context import label, root, smartwatts_run_id
from smartwatts_airflow.handing import do_stage, explained, left_before, skip
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.notify import about_approval, send
from smartwatts_ml.printable import printable
from smartwatts_ml.settings import settings
from smartwatts_ml.stages.order import Stage

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["approval_task"]

_APPROVE, _REJECT = ApprovalOperator.APPROVE, ApprovalOperator.REJECT
_ANYBODY = "whoever may edit the run's tasks"
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
"""Where a space keeps an address from becoming a link by itself."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")


def approval_task(stage: Stage, common: dict[str, Any]) -> Callable[..., Any]:
    """The task of a stage that a person answers, to be called as those of other stages are."""

    def run(**handed: Any) -> Any:
        return _AskPerson(stage=stage, op_kwargs=handed, **common).output

    return run


class _AskPerson(HITLOperator):
    """Asks about the model of its branch, if settings name it and there is anything to ask.

    Not Airflow's ``ApprovalOperator``: that skips what follows a rejection, which ``publish``
    is to record. ``op_kwargs``: what other tasks of the branch get as arguments, by name.
    """

    template_fields: Collection[str] = ("op_kwargs",)
    custom_operator_name = "Approval"

    def __init__(self, *, stage: Stage, op_kwargs: Mapping[str, Any], **kwargs: Any) -> None:
        current = settings()
        super().__init__(
            subject="Publish it?",
            options=[_APPROVE, _REJECT],
            defaults=_REJECT,
            response_timeout=timedelta(hours=current.approval_hours),
            assigned_users=[{"id": i, "name": n} for i, n in current.approval_users.items()],
            **kwargs,
        )
        self.stage = stage
        self.op_kwargs = op_kwargs

    def execute(self, context: Context) -> NoReturn:
        """Ask, and wait; what was shown comes back with the answer."""
        branch = self.op_kwargs["branch"]
        left = left_before(self.stage, branch, self.op_kwargs["before"])
        model = branch["model"]
        if not settings().wants_approval(model):
            skip(f"{model} needs no approval")
        with explained(model):
            shown = tasks.ask_for_approval(root(), smartwatts_run_id(), model, left)
            self.subject = f"Publish {model} v{shown['version']}?"
            self.body = _body(shown, smartwatts_run_id())
            try:
                super().execute(context)
            except TaskAwaitingInput as waiting:
                send(about_approval(shown, self._terms(), _address(context)))
                asked = {"left": left, "sha256": shown["sha256"]}
                raise TaskAwaitingInput(
                    method_name=self.go_on.__name__, kwargs=asked, timeout=waiting.timeout
                ) from None
        raise AssertionError("a person is asked by waiting")

    def go_on(
        self, context: Context, event: dict[str, Any], left: dict[str, str], sha256: str
    ) -> dict[str, Any]:
        """Leave what was answered, about what was shown; the champion may have changed since."""
        model = self.op_kwargs["branch"]["model"]
        with explained(model):
            answered = self.execute_complete(context, event)
            user = answered["responded_by_user"] or {}
            answer = {
                "approved": answered["chosen_options"] == [_APPROVE],
                "sha256": sha256,
                "time": f"{answered['responded_at'].astimezone(UTC):%Y-%m-%d %H:%M} UTC",
                "by": user.get("name"),
                "user": user.get("id"),
            }
            outcome = do_stage(self.stage, model, left, answer=answer)
            label(outcome["summary"])
            return outcome

    def _terms(self) -> str:
        """Who may answer, and until when."""
        who = " or ".join(user["name"] for user in self.assigned_users or ()) or _ANYBODY
        until = datetime.now(UTC) + (self.response_timeout or timedelta(0))
        return f"until {until:%Y-%m-%d %H:%M} UTC by {who}; without an answer the champion stays"


def _address(context: Context) -> str:
    ti = context["ti"]
    index = ti.map_index if ti.map_index is not None else 0
    return answer_page(ti.dag_id, ti.run_id, ti.task_id, index)


def _body(shown: Mapping[str, Any], run_id: str) -> str:
    """The facts of a request, as Markdown."""
    model, metric = shown["model"], shown["metric"]
    before = shown["champion_version"]
    lines = [
        _plain(shown["summary"]),
        "",
        f"| {_plain(shown['label'])} | |",
        "|---|---|",
        f"| this challenger | **{_plain(metric['challenger'])}** |",
        f"| {f'champion v{before}' if before else 'champion'} | {_plain(metric['champion'])} |",
        f"| baseline | {_plain(metric['baseline'])} |",
        "",
        *_items("Worst part", [shown["worst"]]),
        *_items("Left out", [f"{name}: {why}" for name, why in shown["left_out"].items()]),
        *_items("Refit", [shown["refit"]]),
        *_items("Reasons", shown["reasons"]),
        f"[Report]({report_path(run_id, model)}) · [{model}]({model_path(model)})",
    ]
    return "\n".join(lines)


def _items(title: str, texts: Sequence[str]) -> list[str]:
    """A title and its list; nothing where there is nothing to list."""
    items = [f"- {_plain(text)}" for text in texts if text]
    return [f"**{title}**", "", *items, ""] if items else []


def _plain(text: str) -> str:
    """Text that others wrote, which is neither a link nor a picture.

    >>> print(_plain("![x](http://y)"))
    \\!\\[x\\]\\(http: //y\\)
    """
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub(" ", printable(text).replace("\n", " ")))
