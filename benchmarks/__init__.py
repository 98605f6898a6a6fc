"""Comparisons with other systems and with earlier states of this one; see README.md."""
