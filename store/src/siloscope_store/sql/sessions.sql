-- name: doing
-- What a session is at: a healthy one that is asked again and again is each time at something else.
SELECT state = 'active' AND coalesce(wait_event_type, '') <> 'Client',
    coalesce(state, '') || ' since ' || coalesce(state_change::text, '')
FROM pg_stat_activity WHERE pid = %(pid)s

-- name: terminate
-- A session whose client is cut off keeps its locks until it is ended.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %(pid)s AND usename = current_user
