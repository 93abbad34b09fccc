DROP INDEX alert_state_alert_idx;
DROP INDEX alert_inhibited_by_idx;
DELETE FROM retention WHERE level IN ('alerts', 'messages');
ALTER TABLE retention DROP CONSTRAINT retention_check;
ALTER TABLE retention ADD CONSTRAINT retention_check CHECK (
    (retention_class IN ('measurements', 'vitals') AND level IN ('raw', 'm5', 'hour', 'day'))
    OR (retention_class = 'records' AND level IN ('conflicts', 'gaps', 'undated')));
CREATE OR REPLACE FUNCTION retention_defaults() RETURNS TABLE (retention_class text, level text, keep_days int4)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES
        ('measurements', 'raw', 731), ('measurements', 'm5', 1096), ('measurements', 'hour', 3653),
        ('measurements', 'day', NULL::int4),
        ('vitals', 'raw', 92), ('vitals', 'm5', 92), ('vitals', 'hour', 731), ('vitals', 'day', 3653),
        ('records', 'conflicts', 731), ('records', 'gaps', 3653), ('records', 'undated', 3653)
$$;
-- Nobody would ever end these; their history stays.
UPDATE alert SET state = 'resolved', reason = 'rule_removed', ended_at = clock_timestamp()
WHERE ended_at IS NULL AND rule_id IN (SELECT rule_id FROM alert_rule WHERE origin = 'builtin');
UPDATE alert_rule SET origin = 'shipped', removed_at = clock_timestamp() WHERE origin = 'builtin';
ALTER TABLE alert_rule DROP CONSTRAINT alert_rule_origin_check;
ALTER TABLE alert_rule ADD CONSTRAINT alert_rule_origin_check CHECK (origin IN ('api', 'file', 'shipped'));
COMMENT ON COLUMN alert_rule.origin IS NULL;
