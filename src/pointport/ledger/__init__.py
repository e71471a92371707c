"""Floor 3: contacts, accounts and the transactions between; knows nothing of files or imports."""
