-- Who is told what: everything that a decision about incidents needs, for the organisations of those incidents.

-- name: routes
SELECT r.route_id, r.org_id, r.document
FROM notify_route AS r
WHERE r.removed_at IS NULL AND r.org_id = ANY (%(org_ids)s)
ORDER BY r.org_id, r.place, r.slug

-- name: channels
SELECT org_id, slug, channel_id FROM notify_channel WHERE removed_at IS NULL AND org_id = ANY (%(org_ids)s)

-- name: silences
-- What is quiet now or again some day; the hours of one that repeats are counted where they are asked for.
SELECT org_id, kind, selector, begins, ends, repeats
FROM alert_silence
WHERE org_id = ANY (%(org_ids)s) AND ended_at IS NULL AND (repeats <> 'never' OR ends > now()) AND begins <= now()

-- name: told
-- How far each incident was told to each route, and when last.
SELECT o.incident_id, o.route_id, (max(o.step) + 1)::int4 AS steps, max(o.enqueued_at) AS at, l.step AS rung,
    (SELECT array_agg(DISTINCT h.alert_id::int8)
        FROM notify_outbox AS x, jsonb_array_elements_text(x.payload -> 'heard') AS h (alert_id)
        WHERE x.incident_id = o.incident_id AND x.route_id = o.route_id) AS heard
FROM notify_outbox AS o
LEFT JOIN notify_ladder AS l ON l.incident_id = o.incident_id AND l.route_id = o.route_id
WHERE o.incident_id = ANY (%(incident_ids)s) AND o.route_id IS NOT NULL
GROUP BY o.incident_id, o.route_id, l.step

-- name: organisations
SELECT DISTINCT org_id FROM alert_incident WHERE incident_id = ANY (%(incident_ids)s)

-- name: beside
-- Other incidents, alerts of which these name: what fired before something fell silent.
SELECT DISTINCT a.incident_id
FROM alert_incident AS i
CROSS JOIN jsonb_array_elements(i.facts -> 'firing') AS f
JOIN alert AS a ON a.alert_id = (f ->> 'alert_id')::int8
WHERE i.incident_id = ANY (%(incident_ids)s) AND a.incident_id IS NOT NULL
    AND a.incident_id <> ALL (%(incident_ids)s)

-- name: alerts
-- What selectors ask of the alerts of incidents; an incident without alerts is one row, about its node or site.
SELECT i.incident_id, a.alert_id, i.org_id, r.slug AS rule, coalesce(a.severity, i.severity) AS severity, a.state,
    coalesce(a.labels, '{}') AS labels, s.slug AS site, n.slug AS node, d.slug AS device, c.key AS channel,
    p.slug AS place, p.kind AS place_kind, pl.spot, pl.level, c.quantity,
    coalesce(d.attributes, '{}') || coalesce(p.attributes, '{}') AS tags,
    coalesce(g.retention_class = 'vitals', false) AS vitals,
    coalesce(s.time_zone, 'Etc/UTC') AS time_zone,
    a.acknowledged_at IS NOT NULL AS acknowledged, a.snoozed_until, a.inhibited_by IS NOT NULL AS inhibited
FROM alert_incident AS i
LEFT JOIN alert AS a ON a.incident_id = i.incident_id
LEFT JOIN alert_rule AS r ON r.rule_id = a.rule_id
LEFT JOIN channel AS c ON c.channel_id = a.channel_id
LEFT JOIN sample_group AS g ON g.group_id = c.group_id
LEFT JOIN device AS d ON d.device_id = c.device_id
LEFT JOIN node AS n ON n.node_id = coalesce(d.node_id, a.node_id, i.node_id)
LEFT JOIN site AS s ON s.site_id = coalesce(n.site_id, a.site_id, i.site_id)
LEFT JOIN placement AS pl
    ON pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> now()
LEFT JOIN place AS p ON p.place_id = coalesce(a.place_id, pl.place_id)
WHERE i.incident_id = ANY (%(incident_ids)s)
ORDER BY i.incident_id, a.alert_id
