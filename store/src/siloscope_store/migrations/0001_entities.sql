-- Who owns what: organisation > site > node > device > group > channel. Slugs are names on the wire and never change.

CREATE TABLE organisation (
    org_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE site (
    site_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    name text NOT NULL,
    time_zone text NOT NULL DEFAULT 'Etc/UTC',
    latitude float8 CHECK (latitude BETWEEN -90 AND 90),
    longitude float8 CHECK (longitude BETWEEN -180 AND 180),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, slug)
);
COMMENT ON COLUMN site.time_zone IS 'IANA name; a day of this site is its local date';

CREATE TABLE node (
    node_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    site_id int4 NOT NULL REFERENCES site,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    kind text NOT NULL DEFAULT 'agent' CHECK (kind IN ('agent', 'plain')),
    software text,
    session text,
    last_pack_at timestamptz,
    last_heartbeat_at timestamptz,
    state text,
    state_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (site_id, slug)
);
CREATE INDEX node_org_id_idx ON node (org_id);
COMMENT ON COLUMN node.state IS 'what the status topic said last: a hint; packs and heartbeats judge liveness';

CREATE TABLE device (
    device_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    node_id int4 NOT NULL REFERENCES node,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    title text,
    profile text,
    attributes jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (node_id, slug)
);

CREATE TABLE sample_group (
    group_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    device_id int4 NOT NULL REFERENCES device,
    key text NOT NULL,
    retention_class text NOT NULL DEFAULT 'measurements' CHECK (retention_class IN ('measurements', 'vitals')),
    interval_s float8 CHECK (interval_s > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (device_id, key)
);
COMMENT ON COLUMN sample_group.retention_class IS 'decides the table: measurements = sample, vitals = sample_vitals';

CREATE TABLE channel (
    channel_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    group_id int4 NOT NULL REFERENCES sample_group,
    device_id int4 NOT NULL REFERENCES device,
    key text NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    quantity text NOT NULL,
    unit text NOT NULL,
    title text,
    position int2 NOT NULL CHECK (position BETWEEN 0 AND 255),
    resolution float8,
    low float8,
    high float8,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    succeeds int4 REFERENCES channel,
    UNIQUE (group_id, position)
);
CREATE UNIQUE INDEX channel_active_key ON channel (device_id, key) WHERE retired_at IS NULL;
CREATE INDEX channel_org_id_idx ON channel (org_id, channel_id);
COMMENT ON COLUMN channel.position IS 'counts from 0: the value is "values"[position + 1]; assigned once, never reused';
