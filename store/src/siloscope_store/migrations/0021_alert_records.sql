-- depends: 0018_alerting
-- The rule that nobody writes, and how long alerts and messages are kept. Only adds: workers of the version before meet a
-- rule that is not enabled, and two levels of retention that they do not ask for.

-- What is silent is told without any rule; its alerts are of a rule that each organisation gets when it needs one.
ALTER TABLE alert_rule DROP CONSTRAINT alert_rule_origin_check;
ALTER TABLE alert_rule ADD CONSTRAINT alert_rule_origin_check CHECK (origin IN ('api', 'file', 'shipped', 'builtin'));
COMMENT ON COLUMN alert_rule.origin IS 'builtin: of the alerts about what is silent; never enabled, nobody edits it';

CREATE OR REPLACE FUNCTION retention_defaults() RETURNS TABLE (retention_class text, level text, keep_days int4)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES
        ('measurements', 'raw', 731), ('measurements', 'm5', 1096), ('measurements', 'hour', 3653),
        ('measurements', 'day', NULL::int4),
        ('vitals', 'raw', 92), ('vitals', 'm5', 92), ('vitals', 'hour', 731), ('vitals', 'day', 3653),
        ('records', 'conflicts', 731), ('records', 'gaps', 3653), ('records', 'undated', 3653),
        ('records', 'alerts', 3653), ('records', 'messages', 731)
$$;
ALTER TABLE retention DROP CONSTRAINT retention_check;
ALTER TABLE retention ADD CONSTRAINT retention_check CHECK (
    (retention_class IN ('measurements', 'vitals') AND level IN ('raw', 'm5', 'hour', 'day'))
    OR (retention_class = 'records' AND level IN ('conflicts', 'gaps', 'undated', 'alerts', 'messages')));

-- An alert that goes is looked for where others name it.
CREATE INDEX alert_inhibited_by_idx ON alert (inhibited_by) WHERE inhibited_by IS NOT NULL;
CREATE INDEX alert_state_alert_idx ON alert_state (alert_id);
