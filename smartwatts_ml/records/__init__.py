"""Records: what comes as lines of files beside the readings, each accounted for and taken once.

A sort of records (``sort.py``) has a folder below ``landing/`` and a Delta table. ``lines.py``
takes lines apart, ``record_file.py`` accounts for those of a file, ``table.py`` keeps what they
say, and ``intake.py`` brings files into the table.
"""
