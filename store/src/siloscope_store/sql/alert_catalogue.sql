-- Every channel that lives, with all that a rule's selector and a message may ask of it.

-- name: channels
SELECT c.channel_id, c.group_id, c.position, c.org_id, n.site_id, n.node_id, d.device_id, p.place_id,
    s.slug, n.slug, d.slug, c.key, p.slug, p.kind, pl.spot, pl.cable, pl.level, c.quantity, c.unit,
    d.attributes, coalesce(p.attributes, '{}'), g.interval_s,
    coalesce(g.delivery_s, extract(epoch FROM delivery_allowance(g.interval_s))::float8),
    g.retention_class = 'vitals', s.time_zone, coalesce(c.title, ''), coalesce(d.title, '')
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
LEFT JOIN placement AS pl
    ON pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> clock_timestamp()
LEFT JOIN place AS p ON p.place_id = pl.place_id
WHERE c.retired_at IS NULL
ORDER BY c.group_id, c.position

-- name: names
SELECT 'organisation', org_id, name FROM organisation
UNION ALL SELECT 'site', site_id, name FROM site
UNION ALL SELECT 'node', node_id, slug FROM node
UNION ALL SELECT 'place', place_id, title FROM place

-- name: fingerprint
-- Another text where anything of the above changed; a placement that began or ended counts as well.
SELECT concat_ws('/',
    (SELECT sum(hashtextextended(concat_ws(' ', channel_id, group_id, position, unit, title, retired_at), 0)) FROM channel),
    (SELECT sum(hashtextextended(concat_ws(' ', group_id, interval_s, delivery_s), 0)) FROM sample_group),
    (SELECT sum(hashtextextended(concat_ws(' ', device_id, title, attributes), 0)) FROM device),
    (SELECT sum(hashtextextended(concat_ws(' ', node_id, slug), 0)) FROM node),
    (SELECT sum(hashtextextended(concat_ws(' ', site_id, name, time_zone), 0)) FROM site),
    (SELECT sum(hashtextextended(concat_ws(' ', place_id, title, kind, attributes), 0)) FROM place),
    (SELECT sum(hashtextextended(concat_ws(' ', placement_id, place_id, cable, level, spot), 0)) FROM placement
        WHERE during @> clock_timestamp()))

-- name: rules
SELECT r.rule_id, r.version, r.org_id, v.document
FROM alert_rule AS r JOIN alert_rule_version AS v ON v.rule_id = r.rule_id AND v.version = r.version
WHERE r.removed_at IS NULL AND r.enabled
ORDER BY r.rule_id

-- name: rules_fingerprint
SELECT concat_ws('/', count(*), sum(hashtextextended(concat_ws(' ', rule_id, version, enabled, removed_at), 0)))
FROM alert_rule
