-- The quarantine as people see it. A message of nobody belongs to the organisation that its topic names.

-- name: page
SELECT
    q.quarantine_id AS id, o.slug AS organisation, q.node_id,
    CASE WHEN n.node_id IS NULL THEN NULL ELSE s.slug || '/' || n.slug END AS node,
    q.topic, q.reason, q.detail, replace(q.epoch::text, '-', '') AS epoch, q.seq,
    encode(sha256(q.payload), 'hex') AS sha256, octet_length(q.payload) AS size_bytes,
    q.received_at, coalesce(q.last_seen_at, q.received_at) AS last_seen_at, q.times_seen,
    q.replay_requested_at, q.replayed_at
FROM quarantine AS q
LEFT JOIN organisation AS o ON o.org_id = q.org_id
LEFT JOIN node AS n ON n.node_id = q.node_id
LEFT JOIN site AS s ON s.site_id = n.site_id
WHERE (%(organisation)s::text IS NULL OR o.slug = %(organisation)s
        OR (q.org_id IS NULL AND starts_with(q.topic, %(prefix)s)))
    AND (%(ids)s::int8[] IS NULL OR q.quarantine_id = ANY (%(ids)s))
    AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
    AND (%(node_id)s::int4 IS NULL OR q.node_id = %(node_id)s)
    AND (%(before)s::timestamptz IS NULL OR q.received_at < %(before)s)
    AND (%(below)s::int8 IS NULL OR q.quarantine_id < %(below)s)
ORDER BY q.quarantine_id DESC
LIMIT %(limit)s

-- name: payload
SELECT payload FROM quarantine WHERE quarantine_id = %(id)s

-- name: payloads
SELECT quarantine_id, payload FROM quarantine WHERE quarantine_id = ANY (%(ids)s)

-- name: organisation
SELECT slug FROM organisation WHERE org_id = %(org_id)s

-- name: request_replay
UPDATE quarantine AS q SET replay_requested_at = now()
WHERE (%(organisation)s::text IS NULL
        OR q.org_id = (SELECT org_id FROM organisation WHERE slug = %(organisation)s)
        OR (q.org_id IS NULL AND starts_with(q.topic, %(prefix)s)))
    AND (%(ids)s::int8[] IS NULL OR q.quarantine_id = ANY (%(ids)s))
    AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
    AND (%(node_id)s::int4 IS NULL OR q.node_id = %(node_id)s)
    AND (%(before)s::timestamptz IS NULL OR q.received_at < %(before)s)

-- name: discard
DELETE FROM quarantine AS q
WHERE (%(organisation)s::text IS NULL
        OR q.org_id = (SELECT org_id FROM organisation WHERE slug = %(organisation)s)
        OR (q.org_id IS NULL AND starts_with(q.topic, %(prefix)s)))
    AND (%(ids)s::int8[] IS NULL OR q.quarantine_id = ANY (%(ids)s))
    AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
    AND (%(node_id)s::int4 IS NULL OR q.node_id = %(node_id)s)
    AND (%(before)s::timestamptz IS NULL OR q.received_at < %(before)s)

-- name: withheld
SELECT CASE WHEN n.node_id IS NULL THEN NULL ELSE s.slug || '/' || n.slug END AS node,
    w.hour, w.reason, w.messages, w.bytes
FROM quarantine_withheld AS w
LEFT JOIN organisation AS o ON o.org_id = w.org_id
LEFT JOIN node AS n ON n.node_id = w.node_id
LEFT JOIN site AS s ON s.site_id = n.site_id
WHERE %(organisation)s::text IS NULL OR o.slug = %(organisation)s
ORDER BY w.hour DESC, node, w.reason
LIMIT %(limit)s

-- name: prune
-- Sizes are read without fetching the payloads; half a kilobyte is what a row costs beside them, its indexes included.
-- What names an organisation that could not be told counts for that one alone, so that no other's goes for it.
-- What waits to be tried again stays, unless it is too old.
WITH doomed AS (
    SELECT quarantine_id
    FROM (
        SELECT quarantine_id, received_at, replay_requested_at,
            sum(octet_length(payload) + octet_length(detail) + 512) OVER (
                PARTITION BY org_id, CASE WHEN org_id IS NULL THEN split_part(topic, '/', 3) END
                ORDER BY received_at DESC, quarantine_id DESC) AS up_to_here
        FROM quarantine) AS q
    WHERE received_at < now() - %(days)s * INTERVAL '1 day'
        OR (up_to_here > %(most_bytes)s AND replay_requested_at IS NULL)
    ORDER BY received_at, quarantine_id
    LIMIT %(limit)s
), gone AS (
    DELETE FROM quarantine WHERE quarantine_id IN (SELECT quarantine_id FROM doomed)
    RETURNING org_id, reason, octet_length(payload) AS size_bytes
), counted AS (
    SELECT org_id, reason, count(*) AS messages, sum(size_bytes) AS bytes FROM gone GROUP BY org_id, reason
), noted AS (
    INSERT INTO audit (org_id, actor, action, subject, detail)
    SELECT org_id, 'jobs', 'quarantine.prune', 'quarantine',
        jsonb_build_object('messages', sum(messages), 'bytes', sum(bytes), 'reasons', jsonb_object_agg(reason, messages))
    FROM counted GROUP BY org_id
)
SELECT count(*) FROM gone

-- name: prune_withheld
DELETE FROM quarantine_withheld WHERE hour < now() - %(days)s * INTERVAL '1 day'

-- name: prune_counted
-- Writers that ended long ago; a batch that somebody still tries to commit is of one that counted lately.
DELETE FROM quarantine_counted WHERE at < now() - INTERVAL '30 days'

-- name: prune_refused
-- Numbers stay accounted for; it is their reasons that go: too old ones, and the oldest of a node that has too many.
WITH crowded AS (
    SELECT node_id FROM seq_refused GROUP BY node_id HAVING count(*) > %(most)s
), doomed AS (
    SELECT node_id, epoch, seq FROM seq_refused WHERE at < now() - %(days)s * INTERVAL '1 day'
    UNION
    SELECT old.node_id, old.epoch, old.seq
    FROM crowded CROSS JOIN LATERAL (
        SELECT r.node_id, r.epoch, r.seq FROM seq_refused AS r WHERE r.node_id = crowded.node_id
        ORDER BY r.at DESC, r.epoch, r.seq DESC OFFSET %(most)s) AS old
    LIMIT %(limit)s
)
DELETE FROM seq_refused AS r USING doomed AS d
WHERE r.node_id = d.node_id AND r.epoch = d.epoch AND r.seq = d.seq
