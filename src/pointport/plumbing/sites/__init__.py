"""Sites (tenants), the keys that open them and those that sign for them, and the trail of who did what."""
