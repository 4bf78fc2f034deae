"""Measure encoders on labelled sets and report the scores."""
