DROP TABLE quarantine_withheld;
DROP INDEX quarantine_replay_idx;
ALTER TABLE quarantine DROP COLUMN replayed_at, DROP COLUMN replay_requested_at, DROP COLUMN last_seen_at;
DROP TABLE node_clock_event;
DROP TABLE span_grant;
DROP INDEX undated_node_idx;
ALTER TABLE undated DROP COLUMN pack_newest_ms, DROP COLUMN reason;
