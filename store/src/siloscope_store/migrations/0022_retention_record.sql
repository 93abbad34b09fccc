-- depends: 0021_alert_records
-- Who set how long what is kept, so that two people do not overwrite each other, and what has gone since. Only adds:
-- jobs of the version before let go what is due and write no record of it.

ALTER TABLE retention ADD COLUMN version int4 NOT NULL DEFAULT 1, ADD COLUMN set_by text;
COMMENT ON COLUMN retention.version IS 'counts how often it was set; an organisation that set nothing has version 0';
COMMENT ON COLUMN retention.set_by IS 'user:ada, command:siloscope db; NULL = set before this was noted';

CREATE TABLE retention_run (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    ran_at timestamptz NOT NULL,
    archiving boolean NOT NULL
);
COMMENT ON TABLE retention_run IS 'the last run of retention, and whether it had an archive directory that it could use';

CREATE TABLE retention_loss (
    loss_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gone_at timestamptz NOT NULL,
    org_id int4 NOT NULL REFERENCES organisation,
    site_id int4 REFERENCES site,
    retention_class text NOT NULL,
    level text NOT NULL,
    rows int8 NOT NULL,
    size_bytes int8 NOT NULL,
    first_time timestamptz NOT NULL,
    last_time timestamptz NOT NULL,
    archived boolean NOT NULL,
    UNIQUE NULLS NOT DISTINCT (org_id, gone_at, site_id, retention_class, level)
);
COMMENT ON TABLE retention_loss IS 'what one run let go of one site; site_id NULL = of the whole organisation';
COMMENT ON COLUMN retention_loss.size_bytes IS 'of the rows themselves; on disk it was less where they were compressed';
COMMENT ON COLUMN retention_loss.archived IS 'whether each of these days was in a verified file first';

ALTER TABLE retention_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE retention_loss ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON retention_loss FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
