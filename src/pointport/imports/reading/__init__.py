"""Stage 2: bytes to rows.

A file is read twice, each time as a stream. `learn` reads it to its end and finds out what it is; `rows` reads it again
in the dialect that was learned. Both refuse a file that cannot be read with FileRejected, which names the place.
"""
