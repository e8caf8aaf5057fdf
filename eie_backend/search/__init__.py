"""Recipes within a budget of accuracy: trials, costs, sensitivity, the search."""
