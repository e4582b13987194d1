"""Pareto fronts: who is on one, how they are drawn and told of."""
