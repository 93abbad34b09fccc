-- name: open
INSERT INTO node_clock_event AS e (org_id, node_id, kind, offset_s, before_s, since)
VALUES (%(org_id)s, %(node_id)s, %(kind)s, %(offset_s)s, %(before_s)s, %(since)s)
ON CONFLICT (node_id, kind) WHERE until IS NULL DO UPDATE SET offset_s = greatest(e.offset_s, excluded.offset_s)

-- name: keep
INSERT INTO node_clock_event (org_id, node_id, kind, offset_s, before_s, since, until)
SELECT %(org_id)s, %(node_id)s, %(kind)s, %(offset_s)s, %(before_s)s, %(since)s, %(until)s
WHERE NOT EXISTS (
    SELECT FROM node_clock_event
    WHERE node_id = %(node_id)s AND kind = %(kind)s AND abs(offset_s - %(offset_s)s) < 60
        AND (since > %(since)s::timestamptz - INTERVAL '10 minutes' OR %(before_s)s::float8 IS NULL))

-- name: end_ahead
UPDATE node_clock_event AS e SET until = greatest(e.since, x."time")
FROM unnest(%(node_ids)s::int4[], %(times)s::timestamptz[]) AS x (node_id, "time")
WHERE e.node_id = x.node_id AND e.kind = 'ahead' AND e.until IS NULL

-- name: forget_oldest
DELETE FROM node_clock_event AS e
WHERE e.node_id = ANY (%(node_ids)s) AND e.event_id NOT IN (
    SELECT event_id FROM node_clock_event AS k WHERE k.node_id = e.node_id ORDER BY event_id DESC LIMIT %(kept)s)

-- name: node
SELECT node_id FROM node WHERE org_id = %(org_id)s AND node_id = %(node_id)s

-- name: of_node
SELECT kind, offset_s, before_s, since, until FROM node_clock_event
WHERE org_id = %(org_id)s AND node_id = %(node_id)s ORDER BY event_id DESC LIMIT %(limit)s
