-- Incidents: what one message is about. Only ever written by the evaluator that holds the term.

-- name: open
SELECT incident_id, org_id, cause, group_key, severity, site_id, node_id, opened_at, closed_at, facts
FROM alert_incident WHERE closed_at IS NULL ORDER BY incident_id

-- name: ids
SELECT nextval(pg_get_serial_sequence('alert_incident', 'incident_id')) FROM generate_series(1, %(count)s)

-- name: write
INSERT INTO alert_incident (incident_id, org_id, cause, group_key, severity, site_id, node_id, opened_at, closed_at, facts)
OVERRIDING SYSTEM VALUE
SELECT * FROM unnest(%(incident_ids)s::int8[], %(org_ids)s::int4[], %(causes)s::text[], %(group_keys)s::text[],
    %(severities)s::text[], %(site_ids)s::int4[], %(node_ids)s::int4[], %(opened_ats)s::timestamptz[],
    %(closed_ats)s::timestamptz[], %(facts)s::jsonb[])
ON CONFLICT (incident_id) DO UPDATE SET
    cause = excluded.cause, severity = excluded.severity, closed_at = excluded.closed_at, facts = excluded.facts
