"""Promises of the app, each tried many times with fixed seeds, and counted."""
