"""What sample data decide: number formats, orders of rows."""
