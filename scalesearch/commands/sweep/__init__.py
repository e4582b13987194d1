"""`scalesearch sweep`: one dimension alone against all together, and a power law."""
