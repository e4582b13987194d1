"""Finished records in, tables, figures and pages out. Nothing here imports torch or measures anything.

A folder for each kind of page, whose ``report.py`` writes it (``grid.report.write_grid_report``); beside them
what several pages share. No ``__init__`` imports any of it, so that asking for help stays quick: pandas and
matplotlib load where they are needed.
"""
