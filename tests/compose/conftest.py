"""Airflow, where a test asks it something, has the temporary home of the Airflow tests."""

import tests.airflow.conftest  # noqa: F401
