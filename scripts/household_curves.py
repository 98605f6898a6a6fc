"""``python -m scripts.household_curves ROLE…``: roles of FAB that may see curves of homes.

Airflow's own ``airflow roles add-perms`` grants nothing that no view of FAB's has named, and that
of the Models page is none of those. Repeating it changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pkgutil import resolve_name

__all__ = ["grant"]

_BUILDER = "airflow.providers.fab.auth_manager.cli_commands.utils:get_application_builder"
"""Of a provider that the local stack lacks."""
_CURVES = "smartwatts_airflow.page.airflow:CURVES"
"""Airflow itself puts the folder of plugins on the path."""


def grant(roles: Sequence[str]) -> None:
    """Let these roles read the view that the Models page asks for. Raises LookupError where
    there is no such role."""
    with resolve_name(_BUILDER)() as builder:
        manager, view = builder.sm, resolve_name(_CURVES)
        for name in roles:
            role = manager.find_role(name)
            if role is None:
                known = ", ".join(sorted(each.name for each in manager.get_all_roles()))
                raise LookupError(f"there is no role {name}, but {known}")
            manager.add_permission_to_role(role, manager.create_permission("can_read", view))


if __name__ == "__main__":
    grant(sys.argv[1:])
