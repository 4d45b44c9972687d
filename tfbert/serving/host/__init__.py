"""The server's process: ports, batching, metrics, logs."""
