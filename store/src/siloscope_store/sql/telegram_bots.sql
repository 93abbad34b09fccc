-- What Telegram's bots are asked for: who pressed which button.

-- name: channels
SELECT c.channel_id, c.org_id, c.slug, c.secrets ->> 'token' AS token, c.document,
    coalesce((c.progress ->> 'telegram_offset')::int8, 0) AS next_update
FROM notify_channel AS c
WHERE c.kind = 'telegram' AND c.removed_at IS NULL AND c.secrets ? 'token'
ORDER BY c.channel_id

-- name: keep_offset
UPDATE notify_channel
SET progress = progress || jsonb_build_object('telegram_offset', %(next_update)s::int8)
WHERE channel_id = ANY (%(channel_ids)s::int4[])
