-- Which groups a node's birth names: their samples are expected. The interval itself is noted by a trigger.

-- name: name_groups
WITH named AS (
    SELECT g.group_id, g.interval_s
    FROM unnest(%(devices)s::text[], %(groups)s::text[]) AS w (device, key)
    JOIN device AS d ON d.node_id = %(node_id)s AND d.slug = w.device
    JOIN sample_group AS g ON g.device_id = d.device_id AND g.key = w.key
    WHERE g.interval_s IS NOT NULL
), kept AS (
    UPDATE group_expectation AS e SET session = %(session)s
    FROM named AS n WHERE e.group_id = n.group_id AND e.until IS NULL
    RETURNING e.group_id
)
INSERT INTO group_expectation (group_id, since, interval_s, session)
SELECT n.group_id, %(at)s, n.interval_s, %(session)s
FROM named AS n WHERE NOT EXISTS (SELECT FROM kept AS k WHERE k.group_id = n.group_id)
ON CONFLICT (group_id, since) DO UPDATE SET until = NULL, session = excluded.session

-- name: end_unnamed
UPDATE group_expectation AS e SET until = greatest(%(at)s, e.since)
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
WHERE d.node_id = %(node_id)s AND g.group_id = e.group_id AND e.until IS NULL AND e.session IS DISTINCT FROM %(session)s
