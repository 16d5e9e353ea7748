"""What operators read of what happens: one line an event, in words and with the ids to look further by.

    events   which events there are, each with its sentence and its facts; telling one
    entries  an entry of the journal, as the event that it is of
    lines    a record of `logging` as one line: text, JSON, or for systemd's journal   pure
    tally    how often each event was told, for the metrics

An event is told once, at one place. Who writes lines and who counts both follow from that telling, so the log, the
metrics and (by `entries`) the journal cannot disagree. Nothing here decides anything, and nothing is told between
receiving a question and answering it.
"""
