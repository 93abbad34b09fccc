-- What nodes, devices, groups and channels there are. Positions are assigned under the row lock of device and group.

-- name: node
SELECT n.node_id, n.org_id, n.kind
FROM node AS n
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = s.org_id
WHERE o.slug = %(org)s AND s.slug = %(site)s AND n.slug = %(node)s

-- name: nodes
-- OFFSET 0 keeps the planner at one index look-up a name: while thousands register it knows nothing of the sizes.
SELECT n.node_id, n.org_id, w.org, w.site, w.node, n.kind
FROM unnest(%(orgs)s::text[], %(sites)s::text[], %(nodes)s::text[]) AS w (org, site, node)
CROSS JOIN LATERAL (
    SELECT node.node_id, node.org_id, node.kind
    FROM organisation AS o
    JOIN site AS s ON s.org_id = o.org_id AND s.slug = w.site
    JOIN node ON node.site_id = s.site_id AND node.slug = w.node
    WHERE o.slug = w.org OFFSET 0
) AS n

-- name: layouts
SELECT d.node_id, d.slug, d.device_id,
    c.channel_id, c.key, c.quantity, c.unit, c.group_id, g.key, g.retention_class, c.position, c.retired_at IS NULL
FROM device AS d
JOIN channel AS c ON c.device_id = d.device_id
JOIN sample_group AS g ON g.group_id = c.group_id
WHERE d.node_id = ANY (%(node_ids)s)
ORDER BY c.channel_id

-- name: site
SELECT o.org_id, s.site_id
FROM organisation AS o
LEFT JOIN site AS s ON s.org_id = o.org_id AND s.slug = %(site)s
WHERE o.slug = %(org)s

-- name: create_node
INSERT INTO node (org_id, site_id, slug, kind) VALUES (%(org_id)s, %(site_id)s, %(node)s, %(kind)s)
ON CONFLICT (site_id, slug) DO NOTHING

-- name: lock_node
-- So that two writers count a node's devices one after the other.
SELECT FROM node WHERE node_id = %(node_id)s FOR NO KEY UPDATE

-- name: count_devices
SELECT count(*) FROM device WHERE node_id = %(node_id)s

-- name: create_device
INSERT INTO device (org_id, node_id, slug) SELECT org_id, node_id, %(device)s FROM node WHERE node_id = %(node_id)s
ON CONFLICT (node_id, slug) DO NOTHING

-- name: describe_device
UPDATE device SET title = coalesce(nullif(%(title)s, ''), title), profile = coalesce(nullif(%(profile)s, ''), profile)
WHERE device_id = %(device_id)s

-- name: device
SELECT device_id FROM device WHERE node_id = %(node_id)s AND slug = %(device)s

-- name: lock_device
SELECT FROM device WHERE device_id = %(device_id)s FOR NO KEY UPDATE

-- name: create_group
INSERT INTO sample_group (org_id, device_id, key, retention_class, interval_s)
SELECT org_id, device_id, %(key)s, %(retention_class)s, %(interval_s)s FROM device WHERE device_id = %(device_id)s
ON CONFLICT (device_id, key) DO NOTHING

-- name: lock_group
SELECT group_id, retention_class FROM sample_group WHERE device_id = %(device_id)s AND key = %(key)s FOR NO KEY UPDATE

-- name: describe_group
UPDATE sample_group SET interval_s = coalesce(%(interval_s)s, interval_s) WHERE group_id = %(group_id)s

-- name: describe_delivery
UPDATE sample_group SET delivery_s = %(delivery_s)s::float8
WHERE device_id = %(device_id)s AND key = %(key)s AND delivery_s IS DISTINCT FROM %(delivery_s)s::float8

-- name: channels
SELECT c.channel_id, c.key, c.quantity, c.unit, c.group_id, g.key, g.retention_class, c.position, c.retired_at IS NULL
FROM channel AS c JOIN sample_group AS g ON g.group_id = c.group_id
WHERE c.device_id = %(device_id)s ORDER BY c.channel_id

-- name: announces_itself
SELECT n.kind = 'agent' OR EXISTS (
    SELECT FROM broker_credential AS c
    WHERE c.node_id = n.node_id AND c.kind = 'node' AND c.revoked_at IS NULL)
FROM node AS n WHERE n.node_id = %(node_id)s

-- name: next_position
SELECT coalesce(max(position) + 1, 0) FROM channel WHERE group_id = %(group_id)s

-- name: retire_channels
UPDATE channel SET retired_at = now() WHERE channel_id = ANY (%(channel_ids)s)

-- name: revive_channels
UPDATE channel SET retired_at = NULL WHERE channel_id = ANY (%(channel_ids)s)

-- name: create_channels
INSERT INTO channel (org_id, group_id, device_id, key, quantity, unit, position, succeeds)
SELECT g.org_id, g.group_id, g.device_id, c.key, c.quantity, c.unit, %(first_position)s + c.place - 1, c.succeeds
FROM sample_group AS g
CROSS JOIN unnest(%(keys)s::text[], %(quantities)s::text[], %(units)s::text[], %(succeeds)s::int4[])
    WITH ORDINALITY AS c (key, quantity, unit, succeeds, place)
WHERE g.group_id = %(group_id)s

-- name: describe_channel
UPDATE channel SET quantity = %(quantity)s, title = coalesce(nullif(%(title)s, ''), title),
    resolution = %(resolution)s, low = %(low)s, high = %(high)s
WHERE device_id = %(device_id)s AND key = %(key)s AND retired_at IS NULL
    AND (quantity, resolution, low, high, coalesce(title, '')) IS DISTINCT FROM
        (%(quantity)s, %(resolution)s::float8, %(low)s::float8, %(high)s::float8, coalesce(nullif(%(title)s, ''), title, ''))

-- name: record_session
INSERT INTO node_session AS s (node_id, session, generation, birth_at, software, last_seen_at)
SELECT %(node_id)s, %(session)s, generation, %(at)s, %(software)s, %(at)s FROM store_identity
ON CONFLICT (node_id, session) DO UPDATE SET
    birth_at = CASE WHEN s.generation = excluded.generation THEN s.birth_at ELSE excluded.birth_at END,
    generation = excluded.generation, software = excluded.software, last_seen_at = excluded.last_seen_at

-- name: describe_node
UPDATE node SET kind = 'agent', software = %(software)s, session = %(session)s WHERE node_id = %(node_id)s

-- name: note_presence
UPDATE node AS n SET
    last_pack_at = greatest(n.last_pack_at, p.pack_at),
    last_heartbeat_at = greatest(n.last_heartbeat_at, p.heartbeat_at),
    -- Several workers are told each status, and one of them may be slow to write an older one.
    state = CASE WHEN p.state_at >= coalesce(n.state_at, p.state_at) THEN p.state ELSE n.state END,
    state_at = greatest(n.state_at, p.state_at)
FROM (
    SELECT * FROM unnest(%(node_ids)s::int4[], %(pack_ats)s::timestamptz[], %(heartbeat_ats)s::timestamptz[],
        %(states)s::text[], %(state_ats)s::timestamptz[]) AS u (node_id, pack_at, heartbeat_at, state, state_at)
) AS p
WHERE n.node_id = p.node_id

-- name: lock_nodes
SELECT node_id FROM node WHERE node_id = ANY (%(node_ids)s) ORDER BY node_id FOR NO KEY UPDATE

-- name: audit
INSERT INTO audit (org_id, actor, action, subject, detail)
VALUES (%(org_id)s, 'ingest', %(action)s, %(subject)s, %(detail)s)
