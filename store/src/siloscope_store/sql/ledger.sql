-- Which numbers of which epoch are accounted for. Rows are written in order of (node_id, epoch), last in a transaction.

-- name: prepare_accounted
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_accounted (
    node_id int4, epoch uuid, accounted int8multirange
) ON COMMIT DELETE ROWS

-- name: copy_accounted
COPY incoming_accounted FROM STDIN (FORMAT BINARY)

-- name: account
-- Returns the epochs whose ranges have become many. A range takes 21 bytes.
WITH written AS (
    INSERT INTO node_epoch AS e (node_id, epoch, accounted)
    SELECT node_id, epoch, accounted FROM incoming_accounted
    ON CONFLICT (node_id, epoch) DO UPDATE SET accounted = e.accounted + excluded.accounted, last_seen_at = now()
    RETURNING node_id, epoch, pg_column_size(accounted) AS size_bytes
)
SELECT node_id, epoch FROM written WHERE size_bytes > 21 * %(most)s ORDER BY node_id, epoch

-- name: ranges
SELECT array(SELECT ARRAY[lower(r), upper(r)] FROM unnest(accounted) AS r ORDER BY r)
FROM node_epoch WHERE node_id = %(node_id)s AND epoch = %(epoch)s FOR UPDATE

-- name: folded_ranges
SELECT lower(span), upper(span) FROM node_epoch_folded WHERE node_id = %(node_id)s AND epoch = %(epoch)s ORDER BY span

-- name: set_ranges
UPDATE node_epoch SET accounted = (
    SELECT range_agg(int8range(first, "end")) FROM unnest(%(firsts)s::int8[], %(ends)s::int8[]) AS r (first, "end"))
WHERE node_id = %(node_id)s AND epoch = %(epoch)s

-- name: empty_folded
DELETE FROM node_epoch_folded WHERE node_id = %(node_id)s AND epoch = %(epoch)s

-- name: fold_ranges
INSERT INTO node_epoch_folded (node_id, epoch, span)
SELECT %(node_id)s, %(epoch)s, int8range(first, "end")
FROM unnest(%(firsts)s::int8[], %(ends)s::int8[]) AS r (first, "end")

-- name: prepare_refuse
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_refused (
    node_id int4, epoch uuid, seq int8, reason text, detail text, at timestamptz
) ON COMMIT DELETE ROWS

-- name: copy_refuse
COPY incoming_refused FROM STDIN (FORMAT BINARY)

-- name: refuse
INSERT INTO seq_refused (node_id, epoch, seq, reason, detail, at)
SELECT node_id, epoch, seq, reason, detail, coalesce(at, now()) FROM incoming_refused ORDER BY node_id, epoch, seq
ON CONFLICT (node_id, epoch, seq) DO NOTHING

-- name: prepare_record_gaps
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_gap (
    org_id int4, node_id int4, kind text, epoch uuid, first_seq int8, last_seq int8, from_time timestamptz,
    to_time timestamptz, device text, count int8, detail text, recorded_epoch uuid, recorded_seq int8,
    recorded_index int4
) ON COMMIT DELETE ROWS

-- name: copy_record_gaps
COPY incoming_gap FROM STDIN (FORMAT BINARY)

-- name: record_gaps
-- In order of the key, so that two workers that are brought the same packs in different order wait for each other at most.
INSERT INTO gap_record (org_id, node_id, kind, epoch, first_seq, last_seq, from_time, to_time, device, count, detail,
    recorded_epoch, recorded_seq, recorded_index)
SELECT * FROM incoming_gap ORDER BY node_id, recorded_epoch, recorded_seq, recorded_index, kind, from_time, to_time
ON CONFLICT DO NOTHING

-- name: declare
INSERT INTO node_epoch AS e (node_id, epoch, declared_next, declared_oldest, session, declared_from, declared_to)
SELECT DISTINCT ON (node_id, epoch) node_id, epoch, next, oldest, session, owed_from, owed_to
FROM unnest(%(node_ids)s::int4[], %(epochs)s::uuid[], %(nexts)s::int8[], %(oldests)s::int8[], %(sessions)s::text[],
    %(owed_froms)s::timestamptz[], %(owed_tos)s::timestamptz[])
    AS d (node_id, epoch, next, oldest, session, owed_from, owed_to)
ORDER BY node_id, epoch, next DESC
ON CONFLICT (node_id, epoch) DO UPDATE SET
    declared_next = greatest(e.declared_next, excluded.declared_next),
    declared_oldest = excluded.declared_oldest,
    declared_from = excluded.declared_from, declared_to = excluded.declared_to,
    session = excluded.session, last_seen_at = now()

-- name: epochs_begun
-- How many rows were ever added, by the server's own count: costs nothing to ask.
SELECT coalesce(pg_stat_get_tuples_inserted('node_epoch'::regclass), 0)

-- name: crowded_nodes
SELECT node_id FROM node_epoch GROUP BY node_id HAVING count(*) > %(most)s ORDER BY node_id

-- name: forget_epochs
-- Those heard of longest ago, and never waiting for a writer: what is written just now is not old.
WITH newest AS (
    SELECT last_seen_at FROM node_epoch WHERE node_id = %(node_id)s
    ORDER BY last_seen_at DESC OFFSET %(kept)s - 1 LIMIT 1
), doomed AS (
    SELECT e.epoch FROM node_epoch AS e, newest AS n
    WHERE e.node_id = %(node_id)s AND e.last_seen_at < n.last_seen_at
    ORDER BY e.last_seen_at LIMIT %(limit)s FOR UPDATE OF e SKIP LOCKED
), gone AS (
    DELETE FROM node_epoch AS e USING doomed AS d WHERE e.node_id = %(node_id)s AND e.epoch = d.epoch
    RETURNING e.last_seen_at
), folded AS (
    DELETE FROM node_epoch_folded AS f USING doomed AS d WHERE f.node_id = %(node_id)s AND f.epoch = d.epoch
), noted AS (
    INSERT INTO audit (org_id, actor, action, subject, detail)
    SELECT n.org_id, 'jobs', 'epochs.prune', o.slug || '/' || s.slug || '/' || n.slug,
        jsonb_build_object('epochs', g.epochs, 'last_heard_at', g.last_heard_at)
    FROM (SELECT count(*) AS epochs, max(last_seen_at) AS last_heard_at FROM gone) AS g
    JOIN node AS n ON n.node_id = %(node_id)s
    JOIN site AS s ON s.site_id = n.site_id
    JOIN organisation AS o ON o.org_id = n.org_id
    WHERE g.epochs > 0
)
SELECT count(*) FROM gone

-- name: accounted_total
SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8 FROM node_epoch CROSS JOIN LATERAL unnest(accounted) AS r
