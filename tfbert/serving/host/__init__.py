"""The server's process: ports, gRPC and REST, metrics, logs, TLS."""
