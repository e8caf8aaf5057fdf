"""What people see: pictures, tables, bars, quantities."""
