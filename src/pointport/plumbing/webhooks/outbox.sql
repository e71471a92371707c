-- Events, written in the transaction that makes them happen, and on their way to whoever wants them.

-- name: wanted_types
-- Which types of events the site's subscribers want.
SELECT DISTINCT unnest(event_types) AS event_type FROM webhook
WHERE site_id = %(site_id)s AND is_enabled;

-- name: insert_event
-- What happened.
INSERT INTO event (site_id, id, event_type, entity_id, sequence, payload, actor, created_date)
VALUES (
    %(site_id)s, %(id)s, %(event_type)s, %(entity_id)s, %(sequence)s, %(payload)s, %(actor)s, %(now)s
);

-- name: address_events
-- Events, on their way to each subscriber that wants their type; those that are on their way stay as they are.
INSERT INTO webhook_delivery (
    site_id, webhook_id, event_id, status, attempts, retries, next_attempt_date, created_date, updated_date
)
SELECT
    event.site_id,
    webhook.id AS webhook_id,
    event.id AS event_id,
    'PENDING' AS status,
    0 AS attempts,
    0 AS retries,
    %(now)s AS next_attempt_date,
    %(now)s AS created_date,
    %(now)s AS updated_date
FROM event
INNER JOIN webhook ON event.site_id = webhook.site_id AND event.event_type = any(webhook.event_types)
WHERE event.site_id = %(site_id)s AND event.id >= %(first_id)s AND event.id <= %(last_id)s AND webhook.is_enabled
ON CONFLICT (site_id, webhook_id, event_id) DO NOTHING;

-- name: interested
-- The subscribers that want one of some types.
SELECT id FROM webhook
WHERE site_id = %(site_id)s AND is_enabled AND event_types && %(event_types)s::text[];

-- name: try_to_enqueue
-- Whether no other transaction is adding the job of this subscriber just now. Taken on the coordinator of a cluster,
-- where the queue is.
SELECT pg_try_advisory_xact_lock(hashtextextended(%(lock)s, 0)) AS alone;
