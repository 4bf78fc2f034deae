"""Where texts come from: the sample set, the documentation of installed packages, the Hub, uploads."""
