-- name: create_nodes
-- In order of their keys, as every writer: two that register the same nodes at once wait for each other, never both.
WITH wanted AS (
    SELECT s.org_id, s.site_id, w.org, w.site, w.node
    FROM unnest(%(orgs)s::text[], %(sites)s::text[], %(nodes)s::text[]) AS w (org, site, node)
    JOIN organisation AS o ON o.slug = w.org
    JOIN site AS s ON s.org_id = o.org_id AND s.slug = w.site
), made AS (
    INSERT INTO node (org_id, site_id, slug, kind)
    SELECT org_id, site_id, node, %(kind)s FROM wanted ORDER BY site_id, node
    ON CONFLICT (site_id, slug) DO NOTHING
    RETURNING node_id, site_id, slug
)
SELECT made.node_id, wanted.org, wanted.site, wanted.node
FROM made JOIN wanted ON wanted.site_id = made.site_id AND wanted.node = made.slug

-- name: create_devices
-- With a group each. Only those that this very transaction made are returned: nobody else can see them yet.
WITH made AS (
    INSERT INTO device (org_id, node_id, slug)
    SELECT n.org_id, n.node_id, d.device
    FROM unnest(%(node_ids)s::int4[], %(devices)s::text[]) AS d (node_id, device) JOIN node AS n ON n.node_id = d.node_id
    ORDER BY n.node_id, d.device
    ON CONFLICT (node_id, slug) DO NOTHING
    RETURNING device_id, org_id, node_id, slug
), grouped AS (
    INSERT INTO sample_group (org_id, device_id, key, retention_class)
    SELECT org_id, device_id, %(group_key)s, %(retention_class)s FROM made ORDER BY device_id
    RETURNING group_id, org_id, device_id
)
SELECT made.node_id, made.slug, grouped.org_id, grouped.device_id, grouped.group_id
FROM grouped JOIN made ON made.device_id = grouped.device_id

-- name: create_first_channels
INSERT INTO channel (org_id, group_id, device_id, key, quantity, unit, position)
SELECT * FROM unnest(%(org_ids)s::int4[], %(group_ids)s::int4[], %(device_ids)s::int4[], %(keys)s::text[],
    %(quantities)s::text[], %(units)s::text[], %(positions)s::int2[])

-- name: lock_nodes
-- In order of their keys, as every writer.
SELECT node_id FROM node WHERE node_id = ANY (%(node_ids)s) ORDER BY node_id FOR NO KEY UPDATE

-- name: count_devices_of
-- Of those nodes that do not announce their devices themselves.
SELECT n.node_id, (SELECT count(*) FROM device AS d WHERE d.node_id = n.node_id)
FROM node AS n
WHERE n.node_id = ANY (%(node_ids)s) AND n.kind <> 'agent' AND NOT EXISTS (
    SELECT FROM broker_credential AS c
    WHERE c.node_id = n.node_id AND c.kind = 'node' AND c.revoked_at IS NULL)
