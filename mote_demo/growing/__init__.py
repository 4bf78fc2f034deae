"""One new expert from a person's rows."""
