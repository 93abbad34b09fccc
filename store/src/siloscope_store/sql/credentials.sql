-- name: owner
-- The ids that a credential's slugs stand for; a part that does not exist is NULL.
SELECT o.org_id, s.site_id
FROM organisation AS o
LEFT JOIN site AS s ON s.org_id = o.org_id AND s.slug = %(site)s
WHERE o.slug = %(org)s;

-- name: make_node
-- A node may be given its credential before it was ever heard of; its first birth makes an agent of it.
WITH made AS (
    INSERT INTO node (org_id, site_id, slug, kind) VALUES (%(org_id)s, %(site_id)s, %(node)s, 'plain')
    ON CONFLICT (site_id, slug) DO NOTHING
    RETURNING node_id
)
SELECT node_id FROM made
UNION ALL
SELECT node_id FROM node WHERE site_id = %(site_id)s AND slug = %(node)s;

-- name: add
INSERT INTO broker_credential (org_id, kind, site_id, node_id, username, nats_hash, mosquitto_hash)
VALUES (%(org_id)s, %(kind)s, %(site_id)s, %(node_id)s, %(username)s, %(nats_hash)s, %(mosquitto_hash)s)
ON CONFLICT (username) DO NOTHING
RETURNING credential_id;

-- name: living
SELECT
    c.kind, o.slug AS org, s.slug AS site, n.slug AS node, c.username, c.nats_hash, c.mosquitto_hash, c.created_at
FROM broker_credential AS c
LEFT JOIN organisation AS o ON o.org_id = c.org_id
LEFT JOIN site AS s ON s.site_id = c.site_id
LEFT JOIN node AS n ON n.node_id = c.node_id
WHERE c.revoked_at IS NULL
ORDER BY c.credential_id;

-- name: revoke
UPDATE broker_credential SET revoked_at = now()
WHERE username = %(username)s AND revoked_at IS NULL
RETURNING credential_id;

-- name: organisations
SELECT slug FROM organisation ORDER BY slug;

-- name: sites
SELECT s.slug FROM site AS s JOIN organisation AS o ON o.org_id = s.org_id WHERE o.slug = %(org)s ORDER BY s.slug;
