"""Devices and the machine: timing, memory, breakdown, the largest batch."""
