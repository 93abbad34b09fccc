DROP INDEX undated_sample_key;
DELETE FROM undated AS later USING undated AS earlier
WHERE later.undated_id > earlier.undated_id
    AND (later.group_id, later.time_ms) = (earlier.group_id, earlier.time_ms)
    AND (later.epoch, later.seq) IS NOT DISTINCT FROM (earlier.epoch, earlier.seq);
ALTER TABLE undated ADD CONSTRAINT undated_group_id_time_ms_epoch_seq_key
    UNIQUE NULLS NOT DISTINCT (group_id, time_ms, epoch, seq);
