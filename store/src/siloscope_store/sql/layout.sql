-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtextextended('siloscope layout', 0));

-- name: time_zones
SELECT name FROM pg_timezone_names WHERE name NOT LIKE 'posix%' AND name NOT LIKE 'right%';

-- name: put_organisation
INSERT INTO organisation (slug, name) VALUES (%(slug)s, %(name)s)
ON CONFLICT (slug) DO UPDATE SET name = excluded.name
RETURNING org_id;

-- name: put_site
INSERT INTO site (org_id, slug, name, time_zone, latitude, longitude)
VALUES (%(org_id)s, %(slug)s, %(name)s, %(time_zone)s, %(latitude)s, %(longitude)s)
ON CONFLICT (org_id, slug) DO UPDATE SET
    name = excluded.name, time_zone = excluded.time_zone,
    latitude = coalesce(excluded.latitude, site.latitude), longitude = coalesce(excluded.longitude, site.longitude)
RETURNING site_id;

-- name: put_place
INSERT INTO place (org_id, site_id, slug, title, kind, attributes)
VALUES (%(org_id)s, %(site_id)s, %(slug)s, %(title)s, %(kind)s, %(attributes)s)
ON CONFLICT (site_id, slug) DO UPDATE SET
    title = excluded.title, kind = excluded.kind, attributes = excluded.attributes
RETURNING place_id;

-- name: put_node
-- Until its first birth makes an agent of it, a node is held to the bounds of a plain one.
INSERT INTO node (org_id, site_id, slug, kind) VALUES (%(org_id)s, %(site_id)s, %(slug)s, 'plain')
ON CONFLICT (site_id, slug) DO UPDATE SET slug = excluded.slug
RETURNING node_id;

-- name: open_placements
-- Of the nodes and places that the file speaks of: what stands there until further notice.
SELECT placement_id, place_id, node_id, device, channel, cable, level, spot, lower(during)
FROM placement
WHERE org_id = %(org_id)s AND upper_inf(during)
    AND (place_id = ANY (%(places)s) OR node_id = ANY (%(nodes)s))
ORDER BY placement_id;

-- name: close_placement
UPDATE placement SET during = tstzrange(lower(during), %(at)s) WHERE placement_id = %(placement_id)s;

-- name: forget_placement
DELETE FROM placement WHERE placement_id = %(placement_id)s;

-- name: ever_placed
SELECT EXISTS (
    SELECT FROM placement WHERE node_id = %(node_id)s AND device = %(device)s AND channel = %(channel)s
);

-- name: open_placement
INSERT INTO placement (org_id, place_id, node_id, device, channel, cable, level, spot, during)
VALUES (
    %(org_id)s, %(place_id)s, %(node_id)s, %(device)s, %(channel)s, %(cable)s, %(level)s, %(spot)s,
    tstzrange(%(begins)s, NULL)
);
