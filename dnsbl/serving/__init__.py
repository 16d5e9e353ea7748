"""What answers: the responder, its lanes and streams, the feed that keeps its table, and what goes to secondaries.

Between a question and its answer nothing here asks the store, waits or logs (law 5). What must be known comes in as
values: `feed` asks a log of changes through a Protocol, beside the answering, in a thread.
"""
