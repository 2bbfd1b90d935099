"""What the engine, an import and publishing cost, against the bare parts and against other libraries."""
