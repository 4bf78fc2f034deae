"""Texts by the million: files in, parts of vectors out, indexes of them, on one machine or several."""
