-- Messages without times of their own, remembered for minutes: what tells a redelivered one from a new reading.

-- name: prepare
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_relative (
    node_id int4, payload_hash uuid, arrived_at timestamptz
) ON COMMIT DELETE ROWS

-- name: copy
COPY incoming_relative FROM STDIN (FORMAT BINARY)

-- name: remember
INSERT INTO relative_message AS m (node_id, payload_hash, arrived_at)
SELECT node_id, payload_hash, arrived_at FROM incoming_relative
ON CONFLICT (node_id, payload_hash) DO UPDATE SET arrived_at = greatest(m.arrived_at, excluded.arrived_at)

-- name: arrived_at
SELECT arrived_at FROM relative_message WHERE node_id = %(node_id)s AND payload_hash = %(payload_hash)s

-- name: prune
-- In bounded pieces, and never waiting for a writer: who comes too late takes the row next time.
WITH old AS (
    SELECT node_id, payload_hash FROM relative_message
    WHERE arrived_at < %(before)s ORDER BY arrived_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
DELETE FROM relative_message AS m USING old WHERE m.node_id = old.node_id AND m.payload_hash = old.payload_hash
