-- name: organisation
SELECT org_id FROM organisation WHERE slug = %(slug)s;

-- name: add
INSERT INTO app_user (org_id, username, password_hash, role)
VALUES (%(org_id)s, %(username)s, %(password_hash)s, %(role)s)
ON CONFLICT (username) DO NOTHING
RETURNING user_id;

-- name: by_username
SELECT u.user_id, u.org_id, o.slug AS org_slug, o.name AS org_name, u.username, u.role, u.password_hash
FROM app_user AS u JOIN organisation AS o ON o.org_id = u.org_id
WHERE u.username = %(username)s AND u.disabled_at IS NULL;

-- name: by_id
SELECT u.user_id, u.org_id, o.slug AS org_slug, o.name AS org_name, u.username, u.role, u.password_hash
FROM app_user AS u JOIN organisation AS o ON o.org_id = u.org_id
WHERE u.user_id = %(user_id)s AND u.disabled_at IS NULL;

-- name: set_password_hash
UPDATE app_user SET password_hash = %(password_hash)s WHERE user_id = %(user_id)s;

-- name: change_password
-- A new password ends every session.
WITH changed AS (
    UPDATE app_user SET password_hash = %(password_hash)s WHERE username = %(username)s RETURNING user_id, org_id
), ended AS (
    UPDATE refresh_token SET revoked_at = %(at)s
    WHERE user_id IN (SELECT user_id FROM changed) AND revoked_at IS NULL
)
SELECT o.slug FROM changed JOIN organisation AS o ON o.org_id = changed.org_id;

-- name: open_session
INSERT INTO refresh_token (token_hash, family, org_id, user_id, issued_at, expires_at)
SELECT %(digest)s, gen_random_uuid(), org_id, user_id, %(at)s, %(expires_at)s
FROM app_user WHERE user_id = %(user_id)s;

-- name: forget_expired
DELETE FROM refresh_token WHERE user_id = %(user_id)s AND expires_at < %(at)s;

-- name: use_token
UPDATE refresh_token AS t SET used_at = %(at)s
FROM app_user AS u
WHERE t.token_hash = %(digest)s AND t.used_at IS NULL AND t.revoked_at IS NULL AND t.expires_at > %(at)s
    AND u.user_id = t.user_id AND u.disabled_at IS NULL
RETURNING t.user_id, t.family, t.org_id;

-- name: succeed_token
INSERT INTO refresh_token (token_hash, family, org_id, user_id, issued_at, expires_at)
VALUES (%(digest)s, %(family)s, %(org_id)s, %(user_id)s, %(at)s, %(expires_at)s);

-- name: revoke_reused
-- Used before, and not a moment ago by another tab of the same browser: somebody else holds a copy.
UPDATE refresh_token SET revoked_at = %(at)s
WHERE revoked_at IS NULL
    AND family = (SELECT family FROM refresh_token WHERE token_hash = %(digest)s AND used_at < %(grace_from)s);

-- name: close_session
UPDATE refresh_token SET revoked_at = %(at)s
WHERE revoked_at IS NULL AND family = (SELECT family FROM refresh_token WHERE token_hash = %(digest)s);
