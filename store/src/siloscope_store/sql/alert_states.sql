-- What the engine remembers, and the episodes that follow from it: only ever written by the evaluator that holds the term.

-- name: memories
SELECT rule_id, subject_kind, subject_id, memory FROM alert_state ORDER BY rule_id, subject_kind, subject_id

-- name: open
-- Episodes that are not over, those of incidents that are not over, and what late data showed that is not told yet.
SELECT alert_id, rule_id, subject_kind, subject_id, rule_version, org_id, site_id, node_id, place_id, channel_id,
    incident_id, severity, state, reason, retrospective, flapping, inhibited_by, labels, facts, began_at, fired_at, ended_at
FROM alert AS a
WHERE a.ended_at IS NULL
    OR a.incident_id IN (SELECT i.incident_id FROM alert_incident AS i WHERE i.closed_at IS NULL)
    OR a.retrospective AND a.incident_id IS NULL AND a.changed_at > clock_timestamp() - INTERVAL '1 hour'
ORDER BY alert_id

-- name: retrospects
-- Excursions of the past that were kept already.
SELECT alert_id, rule_id, subject_kind, subject_id, began_at, incident_id FROM alert
WHERE retrospective AND rule_id = ANY (%(rule_ids)s) AND began_at = ANY (%(began_ats)s)

-- name: fired_during
-- Of spans of subjects, those that touch an episode which fired in its time.
SELECT u.rule_id, u.subject_kind, u.subject_id, u.began_at
FROM unnest(%(rule_ids)s::int4[], %(subject_kinds)s::text[], %(subject_ids)s::int4[], %(began_ats)s::timestamptz[],
    %(ended_ats)s::timestamptz[]) AS u (rule_id, subject_kind, subject_id, began_at, ended_at)
WHERE EXISTS (
    SELECT FROM alert AS a
    WHERE (a.rule_id, a.subject_kind, a.subject_id) = (u.rule_id, u.subject_kind, u.subject_id)
        AND NOT a.retrospective AND a.fired_at IS NOT NULL
        AND a.began_at <= u.ended_at AND coalesce(a.ended_at, 'infinity') >= u.began_at)

-- name: ids
SELECT nextval(pg_get_serial_sequence('alert', 'alert_id')) FROM generate_series(1, %(count)s)

-- name: write
INSERT INTO alert AS a (alert_id, rule_id, subject_kind, subject_id, rule_version, org_id, site_id, node_id, place_id,
    channel_id, incident_id, severity, state, reason, retrospective, flapping, inhibited_by, labels, facts,
    began_at, fired_at, ended_at)
OVERRIDING SYSTEM VALUE
SELECT * FROM unnest(%(alert_ids)s::int8[], %(rule_ids)s::int4[], %(subject_kinds)s::text[], %(subject_ids)s::int4[],
    %(rule_versions)s::int4[], %(org_ids)s::int4[], %(site_ids)s::int4[], %(node_ids)s::int4[], %(place_ids)s::int4[],
    %(channel_ids)s::int4[], %(incident_ids)s::int8[], %(severities)s::text[], %(states)s::text[], %(reasons)s::text[],
    %(retrospectives)s::bool[], %(flappings)s::bool[], %(inhibited_bys)s::int8[], %(labels)s::jsonb[],
    %(facts)s::jsonb[], %(began_ats)s::timestamptz[], %(fired_ats)s::timestamptz[], %(ended_ats)s::timestamptz[])
ON CONFLICT (alert_id) DO UPDATE SET
    rule_version = excluded.rule_version, incident_id = excluded.incident_id, severity = excluded.severity,
    state = excluded.state, reason = excluded.reason, flapping = excluded.flapping, inhibited_by = excluded.inhibited_by,
    labels = excluded.labels, facts = excluded.facts, fired_at = excluded.fired_at, ended_at = excluded.ended_at,
    changed_at = clock_timestamp()

-- name: write_transitions
INSERT INTO alert_transition (alert_id, number, org_id, from_state, to_state, reason, event_at, facts, term, at)
SELECT t.*, %(term)s, clock_timestamp()
FROM unnest(%(alert_ids)s::int8[], %(numbers)s::int4[], %(org_ids)s::int4[], %(befores)s::text[], %(afters)s::text[],
    %(reasons)s::text[], %(event_ats)s::timestamptz[], %(facts)s::jsonb[]) AS t

-- name: write_states
INSERT INTO alert_state (rule_id, subject_kind, subject_id, alert_id, rule_version, memory, due_at)
SELECT * FROM unnest(%(rule_ids)s::int4[], %(subject_kinds)s::text[], %(subject_ids)s::int4[], %(alert_ids)s::int8[],
    %(rule_versions)s::int4[], %(memories)s::jsonb[], %(due_ats)s::timestamptz[])
ON CONFLICT (rule_id, subject_kind, subject_id) DO UPDATE SET
    alert_id = excluded.alert_id, rule_version = excluded.rule_version, memory = excluded.memory, due_at = excluded.due_at

-- name: forget_states
DELETE FROM alert_state AS s
USING unnest(%(rule_ids)s::int4[], %(subject_kinds)s::text[], %(subject_ids)s::int4[]) AS u (rule_id, subject_kind, subject_id)
WHERE s.rule_id = u.rule_id AND s.subject_kind = u.subject_kind AND s.subject_id = u.subject_id
