"""Compound-scaling search and benchmarking for ConvNets."""

__version__ = "0.3.0"
