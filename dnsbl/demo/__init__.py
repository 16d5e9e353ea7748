"""The simulated neighbourhood on loopback and the guided tour."""
