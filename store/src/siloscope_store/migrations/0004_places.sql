-- depends: 0001_entities
-- What people care about, and which channel was at which spot of it, when.

CREATE TABLE place (
    place_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    site_id int4 NOT NULL REFERENCES site,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    title text NOT NULL,
    kind text NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (site_id, slug)
);

-- Named by slugs, not ids: a placement may be written before the device was ever heard of.
CREATE TABLE placement (
    placement_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    place_id int4 NOT NULL REFERENCES place,
    node_id int4 NOT NULL REFERENCES node,
    device text NOT NULL,
    channel text NOT NULL,
    cable int4,
    level int4,
    spot text,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    -- A channel is at one spot at a time. The hash stands for (node, device, channel), so that no extension is needed.
    CONSTRAINT placement_one_spot EXCLUDE USING gist (
        int8range(hashtextextended(device || '/' || channel, node_id), hashtextextended(device || '/' || channel, node_id), '[]') WITH &&,
        during WITH &&
    )
);
CREATE INDEX placement_channel_idx ON placement (node_id, device, channel);
CREATE INDEX placement_place_idx ON placement (place_id);
