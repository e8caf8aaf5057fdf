"""Reading and writing files, trusted or not."""
