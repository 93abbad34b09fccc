-- What is in a database, and in no copy of it that was made before.

-- name: newest
-- Groups are never removed, and a number that is given anew is given at another time.
SELECT group_id, created_at FROM sample_group ORDER BY group_id DESC LIMIT 1

-- name: is_there
SELECT EXISTS (SELECT FROM sample_group WHERE group_id = %(group_id)s AND created_at = %(created_at)s)
