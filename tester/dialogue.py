"""Sans-IO client: replies in, next bytes out, the results in the end.

Pure. The states of one connection as a table; knows nothing of sockets, clocks or letters' meaning.
"""
