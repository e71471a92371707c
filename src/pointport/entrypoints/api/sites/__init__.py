"""Sites, keys and proofs: ours."""
