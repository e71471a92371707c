"""Stage 2: bytes to rows.

A file is read twice, each time as a stream. `learning.learn` reads it to its end and finds out what it is; `files.read`
reads it again as it was learned. Both refuse a file that cannot be read with FileRejected, which names the place.
"""
