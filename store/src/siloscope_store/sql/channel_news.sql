-- Workers remember where readings of a node go: what they hear when channels take the place of others.

-- name: announce
-- Heard when this is committed.
SELECT pg_notify('siloscope_channels', node_id::text) FROM device WHERE device_id = %(device_id)s

-- name: listen
LISTEN siloscope_channels

-- name: now
SELECT now()

-- name: changed_since
-- A channel that others take the place of is retired at the beginning of a transaction, which may have ended much later.
SELECT DISTINCT d.node_id
FROM channel AS c JOIN device AS d ON d.device_id = c.device_id
WHERE c.retired_at > %(since)s::timestamptz - interval '1 hour'
ORDER BY d.node_id
