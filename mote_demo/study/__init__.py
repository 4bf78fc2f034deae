"""Train all arms of a recipe with several seeds, measure them, and write down what came out."""
