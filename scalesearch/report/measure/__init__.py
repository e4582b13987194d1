"""Measurements: tables, figures and page."""
