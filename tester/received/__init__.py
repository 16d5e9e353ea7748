"""Reading Received chains: what each line says, who saw it, and where trust in them ends.

Pure, lenient, bounded: 64 KiB of header, 2 KiB of a field, and each line is read in one pass. In six rooms:

    fields     header fields of a message, unfolded
    grammar    the words, comments and clauses of one Received field (RFC 5321 4.4, RFC 5322 3.2)
    line       one field as a Hop: what the server saw, apart from what the client said
    providers  the inner hops of well-known mail providers, as data with their sources
    login      whether a line tells of a user and no stranger
    chain      the walk from the top to the line where the reporter's own system took the message in

The only line to be believed is the one that our own (or the reporter's own) server wrote; everything below is a claim.
Never decides on a listing.
"""
