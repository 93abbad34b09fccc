-- What nodes should be, and what they say of it.

-- name: node_named
SELECT n.org_id, n.node_id
FROM node AS n JOIN site AS s ON s.site_id = n.site_id JOIN organisation AS o ON o.org_id = n.org_id
WHERE o.slug = %(org)s AND s.slug = %(site)s AND n.slug = %(node)s

-- name: node_numbered
SELECT o.slug, s.slug, n.slug
FROM node AS n JOIN site AS s ON s.site_id = n.site_id JOIN organisation AS o ON o.org_id = n.org_id
WHERE n.org_id = %(org_id)s AND n.node_id = %(node_id)s

-- name: hold
-- Two who set a version at once do so one after the other.
SELECT node_id FROM node WHERE org_id = %(org_id)s AND node_id = %(node_id)s FOR NO KEY UPDATE

-- name: newest
-- What a node says that it was told may be newer than what a restored database knows.
SELECT
    coalesce((SELECT max(version) FROM node_config_version WHERE node_id = %(node_id)s), 0),
    coalesce((SELECT (state ->> 'desired')::int4 FROM node_config_state WHERE node_id = %(node_id)s), 0)

-- name: add
INSERT INTO node_config_version (node_id, version, org_id, document, confirm_within_s, may_be_silent, author, comment)
VALUES (%(node_id)s, %(version)s, %(org_id)s, %(document)s, %(confirm_within_s)s, %(may_be_silent)s, %(author)s,
    %(comment)s)

-- name: versions
SELECT version, document, confirm_within_s, may_be_silent, author, comment, at, published_at, outcome, reasons,
    outcome_at
FROM node_config_version
WHERE org_id = %(org_id)s AND node_id = %(node_id)s AND (%(below)s::int4 IS NULL OR version < %(below)s)
ORDER BY version DESC
LIMIT %(limit)s

-- name: state
SELECT state, at FROM node_config_state WHERE org_id = %(org_id)s AND node_id = %(node_id)s

-- name: to_publish
-- The newest version of each node: that which the broker has not, or all for a broker that may have lost them.
SELECT o.slug, s.slug, n.slug, v.node_id, v.version, v.document, v.confirm_within_s, v.may_be_silent, v.author, v.at
FROM node_config_version AS v
JOIN node AS n ON n.node_id = v.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = n.org_id
WHERE (%(all)s OR v.published_at IS NULL)
    AND v.version = (SELECT max(version) FROM node_config_version AS w WHERE w.node_id = v.node_id)
ORDER BY v.node_id

-- name: mark_published
-- The versions before it are not published any more; nobody waits for them.
UPDATE node_config_version SET published_at = now()
WHERE node_id = %(node_id)s AND version <= %(version)s AND published_at IS NULL

-- name: keep_state
INSERT INTO node_config_state (node_id, org_id, state)
VALUES (%(node_id)s, %(org_id)s, %(state)s)
ON CONFLICT (node_id) DO UPDATE SET state = excluded.state, at = now()

-- name: keep_outcome
UPDATE node_config_version SET outcome = %(outcome)s, reasons = %(reasons)s, outcome_at = now()
WHERE node_id = %(node_id)s AND version = %(version)s
    AND (outcome IS DISTINCT FROM %(outcome)s OR reasons IS DISTINCT FROM %(reasons)s::text[])
