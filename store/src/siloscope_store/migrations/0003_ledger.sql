-- depends: 0001_entities
-- What was sent, what is accounted for, and what could not be stored as it came.

CREATE TABLE store_identity (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    store_id uuid NOT NULL,
    generation uuid NOT NULL,
    system_identifier text NOT NULL,
    timeline int8 NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE store_identity IS 'a restored, promoted or recreated database gets a new generation, so that no edge trusts an old watermark';

CREATE TABLE node_session (
    node_id int4 NOT NULL REFERENCES node,
    session text NOT NULL,
    generation uuid NOT NULL,
    birth_at timestamptz NOT NULL,
    software text,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (node_id, session)
);

CREATE TABLE node_epoch (
    node_id int4 NOT NULL REFERENCES node,
    epoch uuid NOT NULL,
    accounted int8multirange NOT NULL DEFAULT '{}',
    declared_next int8,
    declared_oldest int8,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    session text,
    PRIMARY KEY (node_id, epoch)
) WITH (fillfactor = 70);
COMMENT ON COLUMN node_epoch.accounted IS 'half-open ranges of seq that are stored, quarantined, refused or declared evicted';

CREATE TABLE node_epoch_folded (
    node_id int4 NOT NULL REFERENCES node,
    epoch uuid NOT NULL,
    span int8range NOT NULL,
    folded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node_id, epoch, span)
);

CREATE TABLE seq_refused (
    node_id int4 NOT NULL REFERENCES node,
    epoch uuid NOT NULL,
    seq int8 NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node_id, epoch, seq)
);

CREATE TABLE gap_record (
    gap_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    node_id int4 NOT NULL REFERENCES node,
    kind text NOT NULL,
    epoch uuid,
    first_seq int8,
    last_seq int8,
    from_time timestamptz,
    to_time timestamptz,
    device text,
    count int8,
    detail text NOT NULL DEFAULT '',
    recorded_epoch uuid,
    recorded_seq int8,
    recorded_index int4 NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (node_id, recorded_epoch, recorded_seq, recorded_index, kind, from_time, to_time)
);
COMMENT ON COLUMN gap_record.recorded_index IS 'which record of the pack that brought it: a redelivered pack adds none';

CREATE TABLE sample_conflict (
    conflict_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id int4 NOT NULL REFERENCES sample_group,
    "time" timestamptz NOT NULL,
    position int2 NOT NULL,
    kept_value float8,
    kept_quality int2,
    kept_epoch uuid,
    kept_seq int8,
    other_value float8,
    other_quality int2,
    other_epoch uuid,
    other_seq int8,
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (group_id, "time", position, other_epoch, other_seq, other_value, other_quality)
);

CREATE TABLE undated (
    undated_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    node_id int4 NOT NULL REFERENCES node,
    group_id int4 NOT NULL REFERENCES sample_group,
    time_ms int8 NOT NULL,
    "values" float8[] NOT NULL,
    quality int2[],
    epoch uuid,
    seq int8,
    arrived_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (group_id, time_ms, epoch, seq)
);
COMMENT ON TABLE undated IS 'samples whose time is out of the believable range, with the time they arrived';

CREATE TABLE quarantine (
    quarantine_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 REFERENCES organisation,
    node_id int4 REFERENCES node,
    topic text NOT NULL,
    payload bytea NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL DEFAULT '',
    epoch uuid,
    seq int8,
    payload_sha256 bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    times_seen int4 NOT NULL DEFAULT 1,
    UNIQUE (payload_sha256, topic, reason)
);
CREATE INDEX quarantine_org_id_idx ON quarantine (org_id, received_at);
