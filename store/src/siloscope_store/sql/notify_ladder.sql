-- Where open incidents stand on the ladders of routes, and what a message about one says.

-- name: due
-- Pairs of an open incident and a route that are to be looked at: never seen, or their time has come.
SELECT i.incident_id, r.route_id, i.org_id, l.step, coalesce(l.repeats, 0) AS repeats
FROM alert_incident AS i
JOIN notify_route AS r ON r.org_id = i.org_id AND r.removed_at IS NULL
LEFT JOIN notify_ladder AS l ON l.incident_id = i.incident_id AND l.route_id = r.route_id
WHERE i.closed_at IS NULL AND (l.incident_id IS NULL OR l.next_at <= clock_timestamp())
    AND EXISTS (SELECT FROM alert_evaluator WHERE term = %(term)s)
ORDER BY i.incident_id, r.place, r.slug
LIMIT %(limit)s

-- name: stand
INSERT INTO notify_ladder (incident_id, route_id, org_id, step, repeats, next_at)
VALUES (%(incident_id)s, %(route_id)s, %(org_id)s, %(step)s, %(repeats)s, %(next_at)s)
ON CONFLICT (incident_id, route_id) DO UPDATE SET
    step = excluded.step, repeats = excluded.repeats, next_at = excluded.next_at

-- name: hold_term
-- Nobody takes over before the end of this transaction.
SELECT term FROM alert_evaluator WHERE term = %(term)s FOR SHARE

-- name: now
SELECT clock_timestamp()

-- name: incidents
SELECT i.incident_id, i.org_id, i.cause, i.severity, coalesce(i.site_id, n.site_id) AS site_id,
    coalesce(s.name, '') AS site, coalesce(s.time_zone, 'Etc/UTC') AS time_zone, i.opened_at, i.closed_at, i.facts
FROM alert_incident AS i
LEFT JOIN node AS n ON n.node_id = i.node_id
LEFT JOIN site AS s ON s.site_id = coalesce(i.site_id, n.site_id)
WHERE i.incident_id = ANY (%(incident_ids)s)

-- name: alerts
-- Worst first, then oldest; at most so many of each incident.
SELECT * FROM (
    SELECT a.incident_id, a.alert_id, r.slug AS rule, coalesce(v.document ->> 'name', r.slug) AS rule_name,
        coalesce(v.document -> 'message', '{}') AS templates, a.severity, a.state, a.reason,
        CASE a.subject_kind
            WHEN 'channel' THEN concat_ws(', ', coalesce(p.title, n.slug), coalesce(c.title, c.key))
            WHEN 'place' THEN p.title
            WHEN 'node' THEN n.slug
            WHEN 'site' THEN s.name
            ELSE 'Siloscope'
        END AS subject,
        coalesce(s.name, '') AS site, p.title AS place, a.labels, a.facts, a.began_at, a.fired_at, a.ended_at,
        a.channel_id, count(*) OVER (PARTITION BY a.incident_id) AS together,
        row_number() OVER (
            PARTITION BY a.incident_id
            ORDER BY a.ended_at IS NOT NULL, array_position('{critical,warning,info}', a.severity), a.alert_id
        ) AS place_in_list
    FROM alert AS a
    JOIN alert_rule AS r ON r.rule_id = a.rule_id
    LEFT JOIN alert_rule_version AS v ON v.rule_id = a.rule_id AND v.version = a.rule_version
    LEFT JOIN site AS s ON s.site_id = a.site_id
    LEFT JOIN node AS n ON n.node_id = a.node_id
    LEFT JOIN place AS p ON p.place_id = a.place_id
    LEFT JOIN channel AS c ON c.channel_id = a.channel_id
    WHERE a.incident_id = ANY (%(incident_ids)s)
) AS listed
WHERE place_in_list <= %(most)s
ORDER BY incident_id, place_in_list
