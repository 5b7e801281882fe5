"""What runs beside the exchanges, in one process and in several: reloads, probes, workers, shared state."""
