-- name: keep
INSERT INTO quarantine AS q (org_id, node_id, topic, payload, reason, detail, epoch, seq, payload_sha256, received_at)
VALUES (%(org_id)s, %(node_id)s, %(topic)s, %(payload)s, %(reason)s, %(detail)s, %(epoch)s, %(seq)s,
    %(payload_sha256)s, %(received_at)s)
ON CONFLICT (payload_sha256, topic, reason) DO UPDATE SET times_seen = q.times_seen + 1
