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

-- name: shown_relations
-- Plain tables under row-level security and security-barrier views, those that this schema has; never a sample table.
SELECT name
FROM unnest(ARRAY[
    'organisation', 'site', 'node', 'device', 'sample_group', 'channel', 'place', 'placement', 'gap_record',
    'reading', 'latest_reading', 'reading_hour', 'reading_day', 'number_ledger', 'reading_conflict',
    'node_clock_event', 'alert_rule', 'alert_rule_version', 'alert_incident', 'alert', 'alert_transition',
    'alert_action', 'alert_silence'
]) AS name
WHERE to_regclass('public.' || name) IS NOT NULL;

-- name: shown_functions
-- Those that filter by organisation themselves. No two have the same name.
SELECT name FROM unnest(ARRAY['completeness', 'gaps']) AS name
WHERE EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = name);

-- name: revoke_relation
-- Not DROP OWNED BY, which an owner without superuser rights may not run.
REVOKE ALL ON {name} FROM {role};

-- name: revoke_function
REVOKE ALL ON FUNCTION {name} FROM {role};

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

-- name: grant_relation
GRANT SELECT ON {name} TO {role};

-- name: grant_function
GRANT EXECUTE ON FUNCTION {name} TO {role};
