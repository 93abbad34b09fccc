-- name: count_once
-- Gives a row where a writer's batch was not counted before. Where its transaction is still under way, this waits for it.
INSERT INTO quarantine_counted AS c (writer, batch) VALUES (%(writer)s, %(number)s)
ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, at = now() WHERE c.batch < excluded.batch
RETURNING 1

-- name: prepare_keep
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_quarantine (
    org_id int4, node_id int4, topic text, payload bytea, reason text, detail text, epoch uuid, seq int8,
    payload_sha256 bytea, received_at timestamptz, times_seen int4, last_seen_at timestamptz
) ON COMMIT DELETE ROWS

-- name: copy_keep
COPY incoming_quarantine FROM STDIN (FORMAT BINARY)

-- name: keep
-- Each message once; in order of its key, so that two writers that keep the same messages wait for each other at most.
INSERT INTO quarantine AS q (org_id, node_id, topic, payload, reason, detail, epoch, seq, payload_sha256, received_at,
    times_seen, last_seen_at)
SELECT * FROM incoming_quarantine ORDER BY payload_sha256, topic, reason
ON CONFLICT (payload_sha256, topic, reason) DO UPDATE
SET times_seen = q.times_seen + excluded.times_seen,
    last_seen_at = greatest(q.last_seen_at, excluded.received_at, excluded.last_seen_at)

-- name: count_withheld
INSERT INTO quarantine_withheld AS w (org_id, node_id, hour, reason, messages, bytes, minutes)
SELECT org_id, node_id, date_trunc('hour', at), reason, messages, bytes, minutes
FROM unnest(%(org_ids)s::int4[], %(node_ids)s::int4[], %(ats)s::timestamptz[], %(reasons)s::text[],
    %(messages)s::int8[], %(bytes)s::int8[], %(minutes)s::int8[]) AS c (org_id, node_id, at, reason, messages, bytes, minutes)
ON CONFLICT (org_id, node_id, hour, reason) DO UPDATE
SET messages = w.messages + excluded.messages, bytes = w.bytes + excluded.bytes, minutes = w.minutes | excluded.minutes

-- name: try_lock_replays
SELECT pg_try_advisory_lock(hashtextextended('siloscope quarantine replays', 0))

-- name: due_replays
SELECT quarantine_id, topic, payload, received_at FROM quarantine
WHERE replay_requested_at IS NOT NULL AND quarantine_id <> ALL (%(under_way)s)
ORDER BY quarantine_id LIMIT %(limit)s

-- name: is_overtaken
SELECT EXISTS (
    SELECT FROM quarantine AS q
    JOIN node_session AS s ON s.node_id = %(node_id)s AND s.last_seen_at > greatest(q.received_at, q.last_seen_at)
    WHERE q.quarantine_id = %(id)s)

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
