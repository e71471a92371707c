"""The command line: one file for each command. It speaks HTTP only, to a server or to the app in its own process."""
