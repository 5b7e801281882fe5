"""What is measured: counters, the metrics for Prometheus, spans for an OpenTelemetry collector."""
