"""Sites (tenants), the keys that open them, and the trail of who did what."""
