"""What people see: pictures, tables in notebooks, progress bars, quantities, printable names."""
