"""How a route's dense encoder is computed: a program, compiled from the view, that turns token ids into vectors."""
