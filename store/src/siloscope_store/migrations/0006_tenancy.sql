-- depends: 0002_samples 0003_ledger 0004_places 0005_people
-- What a database role of one organisation sees. Row-level security holds on plain tables only, so samples are reached
-- through security-barrier views alone, and no role is granted anything on the sample tables.

CREATE TABLE tenant_role (
    role_name name PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- session_user, not current_user: SET ROLE and SECURITY DEFINER change the one, nothing that a tenant can do the other.
CREATE FUNCTION visible_organisations() RETURNS int4[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT CASE
        WHEN pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'public.organisation'::regclass), 'USAGE')
        THEN ARRAY(SELECT org_id FROM organisation)
        ELSE ARRAY(SELECT org_id FROM tenant_role WHERE role_name = session_user)
    END
$$;
COMMENT ON FUNCTION visible_organisations() IS 'the organisations of this login: one for a tenant role, all for the owner of the schema';

ALTER TABLE organisation ENABLE ROW LEVEL SECURITY;
ALTER TABLE site ENABLE ROW LEVEL SECURITY;
ALTER TABLE node ENABLE ROW LEVEL SECURITY;
ALTER TABLE device ENABLE ROW LEVEL SECURITY;
ALTER TABLE sample_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel ENABLE ROW LEVEL SECURITY;
ALTER TABLE place ENABLE ROW LEVEL SECURITY;
ALTER TABLE placement ENABLE ROW LEVEL SECURITY;
ALTER TABLE gap_record ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON organisation FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON site FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON node FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON device FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON sample_group FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON channel FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON place FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON placement FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON gap_record FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));

-- No policy: closed to everybody but the owner, even after a careless GRANT.
ALTER TABLE latest ENABLE ROW LEVEL SECURITY;
ALTER TABLE store_identity ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_epoch ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_epoch_folded ENABLE ROW LEVEL SECURITY;
ALTER TABLE seq_refused ENABLE ROW LEVEL SECURITY;
ALTER TABLE sample_conflict ENABLE ROW LEVEL SECURITY;
ALTER TABLE undated ENABLE ROW LEVEL SECURITY;
ALTER TABLE quarantine ENABLE ROW LEVEL SECURITY;
ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE broker_credential ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_role ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION quality_grade(code int2) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN code < 100 THEN 'good' WHEN code < 200 THEN 'uncertain' ELSE 'bad' END $$;

-- The contract's reasons, word for word (a test compares them).
CREATE FUNCTION quality_reason(code int2) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE code
        WHEN 0 THEN 'good'
        WHEN 100 THEN 'uncertain'
        WHEN 101 THEN 'clock_unsynced'
        WHEN 102 THEN 'stuck'
        WHEN 103 THEN 'step'
        WHEN 104 THEN 'drift'
        WHEN 200 THEN 'bad'
        WHEN 201 THEN 'comm_failure'
        WHEN 202 THEN 'sensor_missing'
        WHEN 203 THEN 'out_of_range'
        WHEN 204 THEN 'device_exception'
        WHEN 205 THEN 'not_a_number'
        WHEN 206 THEN 'invalid_frame'
        WHEN 207 THEN 'not_plausible'
        ELSE quality_grade(code)
    END
$$;

-- One row per reading. Each channel subscripts its own element, so conditions on channel and time reach the index.
CREATE VIEW reading WITH (security_barrier) AS
SELECT
    o.slug AS organisation,
    s.slug AS site,
    p.slug AS place,
    n.slug AS node,
    d.slug AS device,
    c.key AS channel,
    c.channel_id,
    c.quantity,
    c.unit,
    pl.cable,
    pl.level,
    pl.spot,
    x."time",
    x."values"[c.position + 1] AS value,
    coalesce(x.quality[c.position + 1], 0::int2) AS quality,
    quality_reason(coalesce(x.quality[c.position + 1], 0::int2)) AS reason,
    quality_grade(coalesce(x.quality[c.position + 1], 0::int2)) AS grade
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = c.org_id
JOIN (
    SELECT group_id, "time", "values", quality FROM sample
    UNION ALL
    SELECT group_id, "time", "values", quality FROM sample_vitals
) AS x ON x.group_id = c.group_id
LEFT JOIN placement AS pl
    ON pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> x."time"
LEFT JOIN place AS p ON p.place_id = pl.place_id
WHERE c.org_id = ANY ((SELECT visible_organisations())::int4[])
    AND (x."values"[c.position + 1] IS NOT NULL OR x.quality[c.position + 1] IS NOT NULL);
COMMENT ON VIEW reading IS 'every reading of your organisation, with the place where the channel was at that time';

CREATE VIEW latest_reading WITH (security_barrier) AS
SELECT
    o.slug AS organisation,
    s.slug AS site,
    p.slug AS place,
    n.slug AS node,
    d.slug AS device,
    c.key AS channel,
    c.channel_id,
    c.quantity,
    c.unit,
    pl.cable,
    pl.level,
    pl.spot,
    l.times[c.position + 1] AS "time",
    l."values"[c.position + 1] AS value,
    coalesce(l.quality[c.position + 1], 0::int2) AS quality,
    quality_reason(coalesce(l.quality[c.position + 1], 0::int2)) AS reason,
    quality_grade(coalesce(l.quality[c.position + 1], 0::int2)) AS grade
FROM channel AS c
JOIN latest AS l ON l.group_id = c.group_id
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = c.org_id
LEFT JOIN placement AS pl
    ON pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> l.times[c.position + 1]
LEFT JOIN place AS p ON p.place_id = pl.place_id
WHERE c.org_id = ANY ((SELECT visible_organisations())::int4[]) AND l.times[c.position + 1] IS NOT NULL;
COMMENT ON VIEW latest_reading IS 'the newest reading of every channel of your organisation, newest by its own time';
