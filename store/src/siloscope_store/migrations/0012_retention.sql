-- depends: 0011_guard
-- How long what is kept, what of it has gone, and in which files it is now. Only adds: workers of the version before
-- meet nothing that they know in another shape.

-- What holds for an organisation that set nothing. NULL = for ever.
CREATE FUNCTION retention_defaults() RETURNS TABLE (retention_class text, level text, keep_days int4)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES
        ('measurements', 'raw', 731), ('measurements', 'm5', 1096), ('measurements', 'hour', 3653),
        ('measurements', 'day', NULL::int4),
        ('vitals', 'raw', 92), ('vitals', 'm5', 92), ('vitals', 'hour', 731), ('vitals', 'day', 3653),
        ('records', 'conflicts', 731), ('records', 'gaps', 3653), ('records', 'undated', 3653)
$$;

CREATE TABLE retention (
    org_id int4 NOT NULL REFERENCES organisation,
    retention_class text NOT NULL,
    level text NOT NULL,
    keep_days int4 CHECK (keep_days BETWEEN 1 AND 36525),
    set_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, retention_class, level),
    CHECK ((retention_class IN ('measurements', 'vitals') AND level IN ('raw', 'm5', 'hour', 'day'))
        OR (retention_class = 'records' AND level IN ('conflicts', 'gaps', 'undated')))
);
COMMENT ON COLUMN retention.keep_days IS 'NULL = for ever; no row = as retention_defaults() says';

CREATE TABLE archive_policy (
    org_id int4 PRIMARY KEY REFERENCES organisation,
    required boolean NOT NULL
);
COMMENT ON COLUMN archive_policy.required IS 'whether raw samples may go only into a verified file; no row = yes';

CREATE TABLE raw_horizon (
    site_id int4 NOT NULL REFERENCES site,
    retention_class text NOT NULL CHECK (retention_class IN ('measurements', 'vitals')),
    org_id int4 NOT NULL REFERENCES organisation,
    kept_from timestamptz NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, retention_class)
);
COMMENT ON COLUMN raw_horizon.kept_from IS
    'a local midnight: raw samples before it may be gone, so no roll-up that begins before it is computed from them; only ever moves forward';

CREATE TABLE raw_restored (
    restored_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    site_id int4 NOT NULL REFERENCES site,
    retention_class text NOT NULL CHECK (retention_class IN ('measurements', 'vitals')),
    during tstzrange NOT NULL,
    held_until timestamptz NOT NULL,
    restored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX raw_restored_site_idx ON raw_restored (site_id, retention_class);
COMMENT ON TABLE raw_restored IS 'spans behind the horizon whose raw samples are all there again, for a while';

CREATE TABLE archive_file (
    archive_file_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    site_id int4 NOT NULL REFERENCES site,
    retention_class text NOT NULL CHECK (retention_class IN ('measurements', 'vitals')),
    day date NOT NULL,
    path text NOT NULL,
    version int4 NOT NULL DEFAULT 0,
    samples int8 NOT NULL DEFAULT 0,
    readings int8 NOT NULL DEFAULT 0,
    size_bytes int8 NOT NULL DEFAULT 0,
    first_time timestamptz,
    last_time timestamptz,
    sha256 bytea,
    coming_sha256 bytea,
    final boolean NOT NULL DEFAULT false,
    emptying_since timestamptz,
    archived_at timestamptz,
    verified_at timestamptz,
    UNIQUE (site_id, retention_class, day)
);
COMMENT ON COLUMN archive_file.path IS 'relative to the archive directory';
COMMENT ON COLUMN archive_file.sha256 IS 'of the file; NULL while the first version is being put in its place';
COMMENT ON COLUMN archive_file.coming_sha256 IS
    'of a verified version that is about to be renamed into place: a file with either sum is whole';
COMMENT ON COLUMN archive_file.final IS
    'made behind the horizon: everything that was stored of the day by then is in it';
COMMENT ON COLUMN archive_file.emptying_since IS
    'raw samples of the day may be gone since then: what the file holds must go into its next version';

CREATE TABLE archive_due (
    due_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    site_id int4 NOT NULL REFERENCES site,
    retention_class text NOT NULL CHECK (retention_class IN ('measurements', 'vitals')),
    day date NOT NULL,
    cause text NOT NULL CHECK (cause IN ('late', 'restored')),
    noted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX archive_due_site_idx ON archive_due (site_id, retention_class, day);
COMMENT ON TABLE archive_due IS 'days behind the horizon that got samples after their file was made';

CREATE FUNCTION raw_is_whole(group_id int4, begins timestamptz, ends timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT NOT EXISTS (
        SELECT
        FROM sample_group AS g
        JOIN device AS d ON d.device_id = g.device_id
        JOIN node AS n ON n.node_id = d.node_id
        JOIN raw_horizon AS h ON h.site_id = n.site_id AND h.retention_class = g.retention_class
        WHERE g.group_id = raw_is_whole.group_id AND h.kept_from > begins
            AND NOT coalesce(tstzrange(begins, ends) <@ (
                SELECT range_agg(r.during) FROM raw_restored AS r
                WHERE r.site_id = n.site_id AND r.retention_class = g.retention_class), false))
$$;
COMMENT ON FUNCTION raw_is_whole(int4, timestamptz, timestamptz) IS
    'whether a roll-up of this group and span may be computed from raw samples: none of them was dropped';

ALTER TABLE retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE archive_policy ENABLE ROW LEVEL SECURITY;
ALTER TABLE raw_horizon ENABLE ROW LEVEL SECURITY;
ALTER TABLE raw_restored ENABLE ROW LEVEL SECURITY;
ALTER TABLE archive_file ENABLE ROW LEVEL SECURITY;
ALTER TABLE archive_due ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON retention FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON archive_file FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
