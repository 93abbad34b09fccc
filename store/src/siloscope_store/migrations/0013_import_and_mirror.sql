-- depends: 0012_retention
-- How far imports have come, and how far the mirror.

CREATE TABLE import_run (
    import_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    fingerprint bytea NOT NULL UNIQUE,
    source text NOT NULL,
    target text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    position int8 NOT NULL DEFAULT 0,
    line int8 NOT NULL DEFAULT 0,
    readings int8 NOT NULL DEFAULT 0,
    new_samples int8 NOT NULL DEFAULT 0,
    conflicts int8 NOT NULL DEFAULT 0,
    missing int8 NOT NULL DEFAULT 0,
    refused int8 NOT NULL DEFAULT 0,
    rejects_bytes int8 NOT NULL DEFAULT 0
);
CREATE INDEX import_run_org_id_idx ON import_run (org_id, started_at);
COMMENT ON COLUMN import_run.fingerprint IS 'of the file and of what the command said about it: the same command goes on where it was';
COMMENT ON COLUMN import_run.position IS 'everything of the file before it is stored: bytes of text, rows of Parquet';
ALTER TABLE import_run ENABLE ROW LEVEL SECURITY;

CREATE TABLE mirror_position (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    done_to timestamptz NOT NULL,
    pass_to timestamptz,
    after_group int4 NOT NULL DEFAULT 0,
    after_time timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (pass_to IS NULL OR pass_to > done_to)
);
COMMENT ON COLUMN mirror_position.done_to IS 'every sample of an earlier time has been mirrored, or waits in mirror_touched';
COMMENT ON COLUMN mirror_position.pass_to IS 'end of the span that is being mirrored group by group; samples up to (after_group, after_time) are done';

-- Append-only marks: hours of a group into which something was written after they had been mirrored.
CREATE TABLE mirror_touched (
    mark_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id int4 NOT NULL,
    bucket timestamptz NOT NULL
);

-- Marks of the roll-ups become the mirror's when the job of the roll-ups takes them, in its transaction: a mark is always
-- in one of the two tables, and who writes samples pays nothing for the mirror.
CREATE FUNCTION hand_marks_to_mirror() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM mirror_position) THEN
        INSERT INTO mirror_touched (group_id, bucket) SELECT DISTINCT group_id, bucket FROM taken;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER marks_go_on_to_mirror AFTER DELETE ON rollup_touched
    REFERENCING OLD TABLE AS taken
    FOR EACH STATEMENT EXECUTE FUNCTION hand_marks_to_mirror();

CREATE TABLE mirror_refused (
    refused_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    line text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    line_sha256 bytea NOT NULL UNIQUE
);
COMMENT ON TABLE mirror_refused IS 'points that the mirror''s endpoint refused, as they were sent';
ALTER TABLE mirror_position ENABLE ROW LEVEL SECURITY;
ALTER TABLE mirror_touched ENABLE ROW LEVEL SECURITY;
ALTER TABLE mirror_refused ENABLE ROW LEVEL SECURITY;
