"""Where a training runs: its pool, its Celery queue, its Kubernetes pod; and where is signed."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from smartwatts_ml.settings import settings

__all__ = ["SIGNING_QUEUE", "TRAINING_POOL", "TRAINING_QUEUE", "training_placement"]

TRAINING_POOL = "smartwatts_training"
"""Its slots bound how many trainings run at once, over all DAGs. Made at start-up."""
TRAINING_QUEUE = "training"
"""Celery workers with ``--queues training`` take trainings; LocalExecutor has no queues."""
SIGNING_QUEUE = "signing"
"""Celery workers with ``--queues signing`` hold the keys, and do nothing but sign."""

_POD_GENERATOR = "airflow.providers.cncf.kubernetes.pod_generator:PodGenerator"
"""Of a provider that only KubernetesExecutor needs."""


def training_placement() -> dict[str, Any]:
    """Arguments of the training task. With KubernetesExecutor its pod is changed as the file
    that ``SMARTWATTS_TRAINING_POD`` names says: a pod in Kubernetes' own YAML, of which only
    what is to differ has to be there (docs/kubernetes.md)."""
    placement: dict[str, Any] = {"pool": TRAINING_POOL, "queue": TRAINING_QUEUE}
    path = settings().training_pod
    if path:
        pod = resolve_name(_POD_GENERATOR).deserialize_model_file(path)
        placement["executor_config"] = {"pod_override": pod}
    return placement
