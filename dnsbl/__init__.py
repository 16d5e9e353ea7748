"""The list: remembers, decides, answers, shows. See ARCHITECTURE.md for the floors."""
