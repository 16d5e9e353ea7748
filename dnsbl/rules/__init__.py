"""Pure judgement: what to accept at a door, what a verdict means for the list, and when to look again."""
