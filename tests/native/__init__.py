"""The compiled modules by themselves: nothing makes them read, write or keep what they should not."""
