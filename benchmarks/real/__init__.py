"""Networks that packages on the registry ship, and inputs of the kind that they were made for."""
