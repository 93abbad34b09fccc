"""Where devices knock: identity, provisioning, broker permissions."""
