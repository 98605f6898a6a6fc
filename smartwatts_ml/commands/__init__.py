"""The verbs of the ``smartwatts`` command, a module for each group of them."""
