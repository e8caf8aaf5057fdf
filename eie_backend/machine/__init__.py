"""What the machine stores, computes and costs: encoding, number formats, energy, closed choices."""
