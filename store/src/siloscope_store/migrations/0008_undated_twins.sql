-- depends: 0007_freshness
-- A clock that stands still gives every sample the same time: what tells them apart are their values. Only the same
-- sample of the same pack, delivered again, is the same row.

ALTER TABLE undated DROP CONSTRAINT undated_group_id_time_ms_epoch_seq_key;
CREATE UNIQUE INDEX undated_sample_key ON undated (
    group_id, time_ms, epoch, seq, hash_array_extended("values", 0), hash_array_extended(quality, 0)
) NULLS NOT DISTINCT;
