"""What layers are called: the rule that names them, and all other names that they answer to."""
