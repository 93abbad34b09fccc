-- What nodes are told to do, and what came of it.

-- name: give
INSERT INTO node_command (command_id, org_id, node_id, kind, arguments, issuer, expires_at)
SELECT %(command_id)s, org_id, node_id, %(kind)s, %(arguments)s, %(issuer)s, now() + %(valid_for_s)s * INTERVAL '1 s'
FROM node WHERE org_id = %(org_id)s AND node_id = %(node_id)s

-- name: page
SELECT command_id, node_id, kind, arguments, issuer, issued_at, expires_at, sent_at, sends, result, ended_at,
    coalesce(outcome, CASE WHEN expires_at <= now() THEN 'no_answer' WHEN sent_at IS NULL THEN 'waiting' ELSE 'sent' END)
        AS state,
    bundle IS NOT NULL AS has_bundle
FROM node_command
WHERE org_id = %(org_id)s AND node_id = %(node_id)s
    AND (%(command_id)s::text IS NULL OR command_id = %(command_id)s)
    AND (%(before)s::timestamptz IS NULL OR issued_at < %(before)s)
ORDER BY issued_at DESC, command_id
LIMIT %(limit)s

-- name: bundle
SELECT bundle FROM node_command
WHERE org_id = %(org_id)s AND node_id = %(node_id)s AND command_id = %(command_id)s

-- name: to_send
-- Nodes keep no session with the broker: one that was away is told again. One that has expired is told again for an hour
-- more, seldom: who did it says what came of it, and who never heard of it refuses it. What was never sent goes first: many
-- commands to a node that is away hold up nobody else's.
SELECT o.slug, s.slug, n.slug, c.command_id, c.kind, c.arguments, c.issuer, c.issued_at, c.expires_at
FROM node_command AS c
JOIN node AS n ON n.node_id = c.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = n.org_id
WHERE c.outcome IS NULL AND c.expires_at > now() - INTERVAL '1 h' AND (
    (c.sent_at IS NULL AND c.expires_at > now())
    OR c.sent_at <= now() - CASE WHEN c.expires_at > now() THEN 1 ELSE 15 END * %(again_after_s)s * INTERVAL '1 s'
)
ORDER BY c.sent_at NULLS FIRST, c.issued_at, c.command_id
LIMIT %(limit)s

-- name: mark_sent
UPDATE node_command SET sent_at = now(), sends = sends + 1 WHERE command_id = %(command_id)s

-- name: keep_result
-- The first answer stays; one that comes after the command has expired is an answer too.
UPDATE node_command AS c
SET outcome = %(outcome)s, result = %(result)s, bundle = %(bundle)s, ended_at = now()
FROM node AS n JOIN site AS s ON s.site_id = n.site_id JOIN organisation AS o ON o.org_id = n.org_id
WHERE c.command_id = %(command_id)s AND c.node_id = n.node_id AND c.outcome IS NULL
    AND o.slug = %(org)s AND s.slug = %(site)s AND n.slug = %(node)s
RETURNING c.node_id

-- name: drop_old_bundles
UPDATE node_command SET bundle = NULL
WHERE node_id = %(node_id)s AND bundle IS NOT NULL AND command_id NOT IN (
    SELECT command_id FROM node_command
    WHERE node_id = %(node_id)s AND bundle IS NOT NULL ORDER BY ended_at DESC LIMIT %(keep)s
)
