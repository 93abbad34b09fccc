-- What the store has committed, as nodes are told.

-- name: server_identity
SELECT system_identifier::text, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8
FROM pg_control_system()

-- name: create_identity
INSERT INTO store_identity (store_id, generation, system_identifier, timeline)
VALUES (gen_random_uuid(), gen_random_uuid(), %(system_identifier)s, %(timeline)s)
ON CONFLICT (singleton) DO NOTHING

-- name: identity
SELECT store_id, generation, system_identifier, timeline FROM store_identity

-- name: session_secret
SELECT session_secret::text FROM store_identity

-- name: lock_identity
SELECT store_id, generation, system_identifier, timeline FROM store_identity FOR UPDATE

-- name: new_generation
UPDATE store_identity SET generation = gen_random_uuid(), system_identifier = %(system_identifier)s,
    timeline = %(timeline)s, since = now()
RETURNING store_id, generation

-- name: try_lead
-- The publisher's lock: 'silo' and 'mark' in ASCII. It goes with the session, however that ends.
SELECT pg_try_advisory_lock(1936289903, 1835102827)

-- name: listen
LISTEN siloscope_committed

-- name: announce
SELECT pg_notify('siloscope_committed', %(node_ids)s)

-- name: nodes_with_marks
SELECT node_id FROM node_epoch UNION SELECT node_id FROM node_session ORDER BY node_id

-- name: nodes_since
SELECT DISTINCT node_id FROM node_epoch WHERE last_seen_at > now() - make_interval(secs => %(seconds)s)

-- name: one_snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: nodes
SELECT n.node_id, o.slug, s.slug, n.slug, array(
    SELECT x.session FROM node_session AS x
    WHERE x.node_id = n.node_id AND x.generation = %(generation)s
    ORDER BY x.birth_at DESC, x.session LIMIT %(most_answered)s)
FROM node AS n
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = s.org_id
WHERE n.node_id = ANY (%(node_ids)s)
ORDER BY n.node_id

-- name: named_epochs
SELECT replace(epoch::text, '-', ''), accounted::text,
    (SELECT array_agg(ARRAY[lower(f.span), upper(f.span)]) FROM node_epoch_folded AS f
     WHERE f.node_id = e.node_id AND f.epoch = e.epoch)
FROM node_epoch AS e
WHERE node_id = %(node_id)s AND epoch = ANY (%(epochs)s::uuid[])

-- name: epochs
-- The epochs heard of last; an agent that still spools packs of an older one says so in its birth, which makes it new.
SELECT node_id, replace(epoch::text, '-', ''), accounted::text,
    (SELECT array_agg(ARRAY[lower(f.span), upper(f.span)]) FROM node_epoch_folded AS f
     WHERE f.node_id = e.node_id AND f.epoch = e.epoch)
FROM (
    SELECT node_id, epoch, accounted, row_number() OVER (PARTITION BY node_id ORDER BY last_seen_at DESC, epoch) AS rank
    FROM node_epoch WHERE node_id = ANY (%(node_ids)s)
) AS e
WHERE rank <= %(most_epochs)s
