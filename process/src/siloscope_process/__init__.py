"""What every Siloscope process does alike: settings, logs, health, metrics, signals, exit codes."""
