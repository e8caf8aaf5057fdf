"""What the machine stores, computes and costs."""
