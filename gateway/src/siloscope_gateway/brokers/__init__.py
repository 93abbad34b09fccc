"""Configuration of each broker, rendered from who may connect: one module per broker, pure text."""
