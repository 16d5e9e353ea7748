"""The two engines, which answer the common packet with the bytes of `respond`: compiled, and in plain Python."""
