-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtextextended('siloscope first user', 0));

-- name: anybody
SELECT 1 FROM app_user LIMIT 1;

-- name: oldest_organisation
SELECT slug FROM organisation WHERE %(slug)s::text IS NULL OR slug = %(slug)s ORDER BY org_id LIMIT 1;

-- name: add_organisation
INSERT INTO organisation (slug, name) VALUES (%(slug)s, %(name)s);
