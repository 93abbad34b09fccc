"""The local page: what the agent sees, for whoever stands beside it; without the internet, and read-only.

settings    where it listens, and who may ask
admission   whether a request is from near by
board       the last samples and troubles of each device
history     24 hours of each channel, in bounded memory
refill      the hours before this start, from the spool
station     the parts of the running agent that are looked at
documents   what is answered, as JSON
routes      which path answers what
local_page  all of it together
"""
