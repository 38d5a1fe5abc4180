"""What things are and what is decided. Pure: no input or output, no clock, no framework."""
