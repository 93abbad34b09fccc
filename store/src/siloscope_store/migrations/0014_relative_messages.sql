-- depends: 0013_import_and_mirror
-- Messages without times of their own that were stored in the last ten minutes. Such a message is stored at the time of
-- its arrival, so that a redelivered one would be another reading: only this says that it is not. A row is written with
-- the samples, in their transaction, and read when the broker says that it delivers again. No foreign key: it would cost
-- more than the row, and the row is gone in minutes.

CREATE TABLE relative_message (
    node_id int4 NOT NULL,
    payload_hash uuid NOT NULL,
    arrived_at timestamptz NOT NULL,
    PRIMARY KEY (node_id, payload_hash)
);
CREATE INDEX relative_message_arrived_at_idx ON relative_message (arrived_at);
COMMENT ON TABLE relative_message IS 'messages without times, stored within the last ten minutes: a redelivered one is known by its hash';
