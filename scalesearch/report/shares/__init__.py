"""Shares of the cost on their triangle: figures and sections."""
