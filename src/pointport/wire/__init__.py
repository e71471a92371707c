"""The JSON that goes out, the contract's and ours: objects as programs see them, and the fields they can query by.

Each object is a TypedDict and a function that makes one. The first is what OpenAPI shows and what answers are held to,
the second is the only place where a field of ours gets its camelCase name. API and worker (webhooks) speak through here.
"""
