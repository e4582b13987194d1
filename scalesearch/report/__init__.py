"""Finished records in, tables, figures and pages out. Nothing here imports torch or measures anything.

``grid.write_grid_report`` reports a grid search, ``scale.write_scale_report`` a scaled family. This file
imports neither, so that asking for help stays quick: pandas and matplotlib load where they are needed.
"""
