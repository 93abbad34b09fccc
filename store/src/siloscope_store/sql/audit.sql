-- name: record
INSERT INTO audit (org_id, actor, action, subject, detail)
VALUES (
    coalesce(%(org_id)s, (SELECT org_id FROM organisation WHERE slug = %(organisation)s)),
    %(actor)s, %(action)s, %(subject)s, %(detail)s
);

-- name: newest
SELECT at, actor, action, subject, detail FROM audit
WHERE org_id = %(org_id)s ORDER BY at DESC, audit_id DESC LIMIT %(limit)s;
