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
WHERE r.org_id = %(org_id)s AND r.removed_at IS NULL AND r.origin <> 'builtin' AND (%(slug)s::text IS NULL OR r.slug = %(slug)s)
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
WHERE org_id = %(org_id)s AND slug = %(slug)s AND removed_at IS NULL AND origin <> 'builtin'

-- name: meant
-- The channels that both of two selectors mean, as the engine does; names are regular expressions, NULL = any.
SELECT c.channel_id, s.slug || '/' || n.slug || '/' || d.slug || '/' || c.key AS path
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
LEFT JOIN placement AS pl
    ON pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> clock_timestamp()
LEFT JOIN place AS p ON p.place_id = pl.place_id
CROSS JOIN LATERAL (SELECT d.attributes || coalesce(p.attributes, '{}') AS tags) AS a
WHERE c.org_id = %(org_id)s AND c.retired_at IS NULL AND (g.retention_class = 'vitals') = %(vitals)s
    AND s.slug ~ ALL (%(sites)s::text[]) AND n.slug ~ ALL (%(nodes)s::text[]) AND d.slug ~ ALL (%(devices)s::text[])
    AND c.key ~ ALL (%(channels)s::text[]) AND c.quantity ~ ALL (%(quantities)s::text[])
    AND (%(places)s::text[] = '{}' OR coalesce(p.slug ~ ALL (%(places)s::text[]), false))
    AND (%(place_kinds)s::text[] = '{}' OR coalesce(p.kind ~ ALL (%(place_kinds)s::text[]), false))
    AND (%(spots)s::text[] = '{}' OR coalesce(pl.spot ~ ALL (%(spots)s::text[]), false))
    AND NOT EXISTS (SELECT FROM jsonb_each_text(%(tags)s) AS w WHERE a.tags ->> w.key IS DISTINCT FROM w.value)
    AND (NOT %(covered)s OR pl.level <= CASE jsonb_typeof(p.attributes -> 'fill_level')
        WHEN 'number' THEN (p.attributes ->> 'fill_level')::float8 ELSE 'infinity' END)
ORDER BY path

-- name: builtin
-- A rule that nobody wrote, made when it is needed first.
WITH put AS (
    INSERT INTO alert_rule (org_id, slug, enabled, origin) VALUES (%(org_id)s, %(slug)s, false, 'builtin')
    ON CONFLICT (org_id, slug) DO NOTHING
    RETURNING rule_id, version, org_id
), written AS (
    INSERT INTO alert_rule_version (rule_id, version, org_id, document, author)
    SELECT rule_id, version, org_id, %(document)s, 'siloscope' FROM put
)
SELECT rule_id, version FROM put
UNION ALL
SELECT rule_id, version FROM alert_rule WHERE org_id = %(org_id)s AND slug = %(slug)s
