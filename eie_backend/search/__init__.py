"""The search for a recipe within a budget of accuracy: trials, costs, greedy steps, Optuna."""
