"""What strangers send to the sender of a letter, and what of it is a bounce.

Pure, from the bottom up:

    ours     what is ours, and the phrase of our own refusals, found again wherever it is quoted
    status   what a delivery status report says of a recipient (RFC 3464, RFC 6533)
    own      a message's own words, above the copy of what it answers
    words    what mail servers write, by language and by program
    reading  the decision: bounced, delayed, held, automatic, receipt, complaint, human
"""
