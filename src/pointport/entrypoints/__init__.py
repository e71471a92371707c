"""Floor 1: how people and programs come in. The doors hold no logic and never open into each other."""
