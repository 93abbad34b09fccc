-- What a benchmark looks at to see when a sample has become visible.

-- name: groups
SELECT group_id
FROM (
    SELECT g.group_id, row_number() OVER (ORDER BY g.group_id) - 1 AS place, count(*) OVER () AS number
    FROM sample_group AS g JOIN device AS d ON d.device_id = g.device_id
    WHERE d.slug = %(device)s
) AS numbered
WHERE place = 0 OR place * %(most)s / number > (place - 1) * %(most)s / number ORDER BY group_id

-- name: newest
SELECT group_id, times[1] FROM latest WHERE group_id = ANY (%(group_ids)s)

-- name: conflicts
SELECT count(*) FROM sample_conflict

-- name: stored_before
SELECT count(*) FROM sample WHERE time < %(before)s
