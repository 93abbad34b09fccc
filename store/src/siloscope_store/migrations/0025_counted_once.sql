-- depends: 0024_refused_floods
-- Which batch of each writer was counted last, so that one whose commit was never answered is not counted twice. Only adds:
-- workers of the version before do not look here, and count such a batch again.

CREATE TABLE quarantine_counted (
    writer uuid PRIMARY KEY,
    batch int8 NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE quarantine_counted IS
    'the newest batch with refused messages that each writer of ingest has committed; a writer is one from its start to its end';

ALTER TABLE quarantine_counted ENABLE ROW LEVEL SECURITY;
