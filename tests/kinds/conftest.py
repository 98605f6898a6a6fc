"""What is in ``water/`` runs as a distribution of its own: see ``test_outside``."""

collect_ignore = ["water"]
