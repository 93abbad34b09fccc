-- What is known of a node's numbers, for the API.

-- name: node
SELECT n.node_id, n.slug, n.kind, n.session, n.site_id, greatest(n.last_pack_at, n.last_heartbeat_at) AS heard_at,
    o.slug || '/' || s.slug || '/' || n.slug AS full_name
FROM node AS n
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = n.org_id
WHERE n.org_id = %(org_id)s AND n.node_id = %(node_id)s

-- name: node_epochs
SELECT replace(e.epoch::text, '-', ''), a.accounted::text, e.declared_oldest, e.declared_next, e.declared_from,
    e.declared_to, e.session, e.first_seen_at, e.last_seen_at
FROM node_epoch AS e
CROSS JOIN LATERAL (
    SELECT e.accounted + coalesce(
        (SELECT range_agg(f.span) FROM node_epoch_folded AS f WHERE f.node_id = e.node_id AND f.epoch = e.epoch), '{}')
) AS a (accounted)
WHERE e.node_id = %(node_id)s
ORDER BY e.last_seen_at DESC, e.epoch
LIMIT %(most)s

-- name: node_gaps
SELECT kind, replace(epoch::text, '-', '') AS epoch, first_seq, last_seq, from_time, to_time, device, count, detail, at
FROM gap_record WHERE node_id = %(node_id)s
ORDER BY gap_id DESC LIMIT %(most)s

-- name: node_gap_numbers
SELECT replace(epoch::text, '-', ''), sum(last_seq - first_seq + 1)::int8
FROM gap_record WHERE node_id = %(node_id)s AND first_seq IS NOT NULL GROUP BY epoch

-- name: node_refused
SELECT replace(epoch::text, '-', '') AS epoch, seq, reason, detail, at
FROM seq_refused WHERE node_id = %(node_id)s
ORDER BY at DESC, epoch, seq LIMIT %(most)s

-- name: node_refused_numbers
SELECT replace(epoch::text, '-', ''), count(*) FROM seq_refused WHERE node_id = %(node_id)s GROUP BY epoch

-- name: node_twins
SELECT at, detail FROM audit
WHERE org_id = %(org_id)s AND action = 'epochs_growing_at_once' AND subject = %(full_name)s
ORDER BY at DESC LIMIT %(most)s
