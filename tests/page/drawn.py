"""The figures that pages show where all of them are drawn."""

GRID = ("answer", "pareto", "learning_curves")
SWEEP = ("sweep", "dimensions")
FIDELITY = ("rates", "ranks")
