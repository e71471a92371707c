"""Floor 4: what would be as true in a service about bicycles."""
