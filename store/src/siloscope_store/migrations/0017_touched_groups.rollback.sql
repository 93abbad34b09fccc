DROP TRIGGER channel_quantity_corrected ON channel;
DROP FUNCTION roll_group_up_again();

-- What waits is marked at once: the version before knows hours only.
INSERT INTO rollup_touched (group_id, bucket)
SELECT DISTINCT s.group_id, date_bin(INTERVAL '1 hour', s."time", TIMESTAMPTZ '1970-01-01 00:00:00+00')
FROM (SELECT group_id, "time" FROM sample UNION ALL SELECT group_id, "time" FROM sample_vitals) AS s
JOIN (SELECT DISTINCT group_id FROM rollup_touched_group) AS g ON g.group_id = s.group_id
WHERE s."time" < (SELECT closed_to FROM rollup_horizon);

DROP TABLE rollup_touched_group;
