"""Traces of the simulator: what every unit did at every clock edge, for a viewer."""
