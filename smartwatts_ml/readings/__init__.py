"""Readings: landing files, the Delta table, and sites on regular grids."""
