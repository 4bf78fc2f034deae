"""Lenses over texts: search, maps, neighbours, measures, figures."""
