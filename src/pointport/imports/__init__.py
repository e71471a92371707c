"""Floor 2: what happens to one file.

The story is `steps.py`; the stages are its rooms, in this order: `intake`, `reading`, `staging`, `judging`, `applying`,
`reporting`, `certifying`. They never import each other; what travels between them is in `shapes.py`.
"""
