"""Pages and API over casework."""
