"""Settings, plan, driver and the Optuna study of every kind of run."""
