"""What accuracies do and do not show: statistics over finished records. No torch, no optuna, no files."""
