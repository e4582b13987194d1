"""Short training runs: the data, the recipe, the run."""
