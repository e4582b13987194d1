"""STEP 1, a search over the grid of coefficients, and STEP 2, a family from the coefficients found."""
