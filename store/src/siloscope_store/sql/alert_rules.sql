-- Rules as documents: the newest version counts, every older one stays.

-- name: organisations
SELECT org_id, slug FROM organisation ORDER BY org_id

-- name: hold
-- One person changes an organisation's rules at a time: what is checked against each other stays so until it is written.
SELECT FROM organisation WHERE org_id = %(org_id)s FOR NO KEY UPDATE

-- name: current
SELECT r.rule_id, r.slug, r.version, r.enabled, r.origin, r.created_at, r.changed_at, v.author, v.document,
    (SELECT count(*) FROM alert AS a
        WHERE a.rule_id = r.rule_id AND a.ended_at IS NULL AND a.fired_at IS NOT NULL)::int4 AS open_alerts
FROM alert_rule AS r
JOIN alert_rule_version AS v ON v.rule_id = r.rule_id AND v.version = r.version
WHERE r.org_id = %(org_id)s AND r.removed_at IS NULL AND (%(slug)s::text IS NULL OR r.slug = %(slug)s)
ORDER BY r.slug

-- name: versions
SELECT v.version, v.author, v.at, v.document
FROM alert_rule AS r
JOIN alert_rule_version AS v ON v.rule_id = r.rule_id
WHERE r.org_id = %(org_id)s AND r.slug = %(slug)s
ORDER BY v.version DESC

-- name: put
WITH put AS (
    INSERT INTO alert_rule (org_id, slug, enabled, origin)
    VALUES (%(org_id)s, %(slug)s, %(enabled)s, %(origin)s)
    ON CONFLICT (org_id, slug) DO UPDATE SET version = alert_rule.version + 1, enabled = excluded.enabled,
        origin = excluded.origin, changed_at = clock_timestamp(), removed_at = NULL
    RETURNING rule_id, version, org_id
)
INSERT INTO alert_rule_version (rule_id, version, org_id, document, author)
SELECT rule_id, version, org_id, %(document)s, %(author)s FROM put
RETURNING version

-- name: remove
UPDATE alert_rule SET removed_at = clock_timestamp(), changed_at = clock_timestamp()
WHERE org_id = %(org_id)s AND slug = %(slug)s AND removed_at IS NULL
