"""Where trainings and what signs run: pools, Celery queues, Kubernetes pods.

The workers that train read files of strangers and hold no key. Those that sign hold the keys,
and train nothing.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from smartwatts_ml.settings import settings

__all__ = [
    "TRAINING_POOL",
    "signing_placement",
    "training_placement",
]

TRAINING_POOL = "smartwatts_training"
"""Its slots bound how many trainings run at once, over all DAGs. Made at start-up."""
_TRAINING_QUEUE = "training"
"""Celery workers with ``--queues training`` take trainings; LocalExecutor has no queues."""
_SIGNING_QUEUE = "signing"
"""Celery workers with ``--queues signing`` have the keys; nothing else may run there."""

_POD_GENERATOR = "airflow.providers.cncf.kubernetes.pod_generator:PodGenerator"
"""Of a provider that only KubernetesExecutor needs."""


def training_placement() -> dict[str, Any]:
    """Arguments of a training task; its pod is as ``SMARTWATTS_TRAINING_POD`` says."""
    return {"pool": TRAINING_POOL, "queue": _TRAINING_QUEUE, **_pod(settings().training_pod)}


def signing_placement() -> dict[str, Any]:
    """Arguments of a task that signs; its pod is as ``SMARTWATTS_SIGNING_POD`` says."""
    return {"queue": _SIGNING_QUEUE, **_pod(settings().signing_pod)}


def _pod(path: str) -> dict[str, Any]:
    """With KubernetesExecutor a task's pod is changed as a file says: a pod in Kubernetes' own
    YAML, of which only what is to differ has to be there (docs/kubernetes.md)."""
    if not path:
        return {}
    pod = resolve_name(_POD_GENERATOR).deserialize_model_file(path)
    return {"executor_config": {"pod_override": pod}}
