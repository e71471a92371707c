"""The comparison of our reader of files with others: `make bench-reading`; and its speed.

pollution   clean tables of customers, and what happens to files, each with what should be read
readers     how each library reads a file, in its best way
judging     whether what was read is the table
compare     runs all, and writes the table into docs/reading.md
speed       how fast we read, beside the bare loop of Python's csv
"""
