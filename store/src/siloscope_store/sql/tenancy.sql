-- name: organisation
SELECT org_id FROM organisation WHERE slug = %(slug)s;

-- name: create_role
CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 20 PASSWORD {verifier};

-- name: map_role
INSERT INTO tenant_role (role_name, org_id) VALUES (%(role)s, %(org_id)s)
ON CONFLICT (role_name) DO UPDATE SET org_id = excluded.org_id, created_at = now();

-- name: unmap_role
DELETE FROM tenant_role AS t USING organisation AS o
WHERE t.role_name = %(role)s AND o.org_id = t.org_id
RETURNING o.slug;

-- name: revoke_views
-- Not DROP OWNED BY, which an owner without superuser rights may not run.
REVOKE ALL ON
    organisation, site, node, device, sample_group, channel, place, placement, gap_record, reading, latest_reading
FROM {role};

-- name: revoke_schema
REVOKE ALL ON SCHEMA public FROM {role};

-- name: drop_role
DROP ROLE {role};

-- name: tenancy_exists
SELECT to_regclass('public.tenant_role') IS NOT NULL;

-- name: living_roles
SELECT role_name FROM tenant_role JOIN pg_roles ON rolname = role_name ORDER BY role_name;

-- name: grant_schema
GRANT USAGE ON SCHEMA public TO {role};

-- name: grant_views
-- Plain tables under row-level security and security-barrier views; never a sample table.
GRANT SELECT ON
    organisation, site, node, device, sample_group, channel, place, placement, gap_record, reading, latest_reading
TO {role};
