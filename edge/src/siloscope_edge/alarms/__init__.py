"""Local alarms: a few rules that switch a siren or tell a machine nearby, also while the link is down."""
