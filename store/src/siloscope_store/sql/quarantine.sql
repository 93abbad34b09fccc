-- name: keep
INSERT INTO quarantine AS q (org_id, node_id, topic, payload, reason, detail, epoch, seq, payload_sha256, received_at)
VALUES (%(org_id)s, %(node_id)s, %(topic)s, %(payload)s, %(reason)s, %(detail)s, %(epoch)s, %(seq)s,
    %(payload_sha256)s, %(received_at)s)
ON CONFLICT (payload_sha256, topic, reason) DO UPDATE
SET times_seen = q.times_seen + 1, last_seen_at = greatest(q.last_seen_at, excluded.received_at)

-- name: count_withheld
INSERT INTO quarantine_withheld AS w (org_id, node_id, hour, reason, messages, bytes)
VALUES (%(org_id)s, %(node_id)s, date_trunc('hour', %(at)s::timestamptz), %(reason)s, %(messages)s, %(bytes)s)
ON CONFLICT (org_id, node_id, hour, reason) DO UPDATE
SET messages = w.messages + excluded.messages, bytes = w.bytes + excluded.bytes

-- name: try_lock_replays
SELECT pg_try_advisory_lock(hashtextextended('siloscope quarantine replays', 0))

-- name: due_replays
SELECT quarantine_id, topic, payload, received_at FROM quarantine
WHERE replay_requested_at IS NOT NULL AND quarantine_id <> ALL (%(under_way)s)
ORDER BY quarantine_id LIMIT %(limit)s

-- name: release
-- What a payload says now, it says under every reason that it was once refused for.
DELETE FROM quarantine AS q USING quarantine AS tried
WHERE tried.quarantine_id = %(id)s AND q.topic = tried.topic AND q.payload_sha256 = tried.payload_sha256

-- name: refuse_again
UPDATE quarantine AS q
SET reason = %(reason)s, detail = %(detail)s, replay_requested_at = NULL, replayed_at = now()
WHERE quarantine_id = %(id)s AND NOT EXISTS (
    SELECT FROM quarantine AS o
    WHERE o.topic = q.topic AND o.payload_sha256 = q.payload_sha256 AND o.reason = %(reason)s
        AND o.quarantine_id <> q.quarantine_id)

-- name: refused_already
-- The same message is here under its new reason: that row stays.
DELETE FROM quarantine AS q USING quarantine AS other
WHERE q.quarantine_id = %(id)s AND other.topic = q.topic AND other.payload_sha256 = q.payload_sha256
    AND other.reason = %(reason)s AND other.quarantine_id <> q.quarantine_id

-- name: forget_refusal
DELETE FROM seq_refused WHERE node_id = %(node_id)s AND epoch = %(epoch)s AND seq = %(seq)s

-- name: change_refusal
UPDATE seq_refused SET reason = %(reason)s, detail = %(detail)s
WHERE node_id = %(node_id)s AND epoch = %(epoch)s AND seq = %(seq)s
