"""Benchmarks: networks timed in fresh processes, compared in turn, and the law that their times follow."""
