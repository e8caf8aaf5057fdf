"""What sample inputs decide before compiling: fixed-point formats, orders that balance the PEs."""
