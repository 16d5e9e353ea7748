"""The list: remembers, decides, answers, shows. See ARCHITECTURE.md for the floors."""

#: The name under which this program is installed; the command and the packages have their own.
DISTRIBUTION = "dnsbl-relays"
