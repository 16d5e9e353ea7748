"""Test one mail server, once: what to say, what came back, what it proves.

Knows nothing of lists, SQL or DNS serving. The pure modules take time, randomness and bytes as arguments;
only
`listening`, `caller`, `collector` and `cli` touch sockets.
"""
