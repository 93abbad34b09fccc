"""Rules, the life of an alert and notifications will live here; nothing of it exists yet.

No command is registered and nothing imports this package. It holds its place in the layers, so that the first rule
written here is already kept from reaching into another service.
"""
