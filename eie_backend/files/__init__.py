"""Files from anywhere are read as plain data or refused; files are written whole or not at all."""
