"""Events on their way out."""
