"""Surveys: how many hosts of a network, or of a list of mail domains, relay. Counted, never listed.

Pure. In rooms, from what may be asked to what is told:

    scope     who may be surveyed: networks of one's own, or domains with a recorded authorization
    sources   ranges, lists of mail domains, and what DNS says of them -> targets in their order
    records   what a survey has found, a line each, to and from the file that it is kept in
    software  a greeting -> which program in which version
    tally     records -> counts, in one pass
    figures   counts -> rows of figures, each share with its numerator and denominator; trends
    report    figures as text, CSV and one document
    chart     shares and trends as pictures (SVG)
    page      all of it as one HTML page
    studies   what two studies have printed; where they contradict themselves; ours beside it

No listing comes of a survey (law 4 of the house: only with provocation): what it has found stays in its own file, and
whoever is to be listed has to be nominated, with evidence, like everybody.
"""
