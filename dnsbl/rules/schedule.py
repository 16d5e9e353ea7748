"""When to test again. Pure arithmetic on times that are handed in."""
