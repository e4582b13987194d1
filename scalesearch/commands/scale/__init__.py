"""`scalesearch scale`: the family of fixed coefficients."""
