"""The real tools that people use with a checkpoint, each tried, and what came out."""
