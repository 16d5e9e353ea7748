"""Pure answering: packet bytes in, packet bytes out. No socket, no clock, no SQL."""
