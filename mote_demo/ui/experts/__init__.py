"""The Experts tab."""
