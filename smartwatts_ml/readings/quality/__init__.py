"""Are the readings plausible? Flagged, never dropped; thresholds are settings.

``flags`` names the checks; ``levels``, ``stuck``, ``units``, ``clocks``, ``balance`` and
``gaps`` hold them, pure functions on one device's arrays; ``assess`` runs them over a
site; ``record`` is what a site's quality is told by.
"""
