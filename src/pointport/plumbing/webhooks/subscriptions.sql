-- Who is told of what.

-- name: insert_webhook
-- A new subscription.
INSERT INTO webhook (site_id, id, target_url, event_types, is_enabled, revision, created_date, updated_date)
VALUES (%(site_id)s, %(id)s, %(target_url)s, %(event_types)s, TRUE, 1, %(now)s, %(now)s)
RETURNING *;

-- name: find_webhook
-- A subscription as it is.
SELECT * FROM webhook WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: list_webhooks
-- A site's subscriptions, oldest first.
SELECT * FROM webhook WHERE site_id = %(site_id)s ORDER BY id;

-- name: lock_webhook
-- A subscription, held against other changes.
SELECT * FROM webhook WHERE site_id = %(site_id)s AND id = %(id)s FOR NO KEY UPDATE;

-- name: change_webhook
-- Where to, of what, and whether at all.
UPDATE webhook SET
    target_url = %(target_url)s, event_types = %(event_types)s, is_enabled = %(is_enabled)s,
    revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s
RETURNING *;

-- name: delete_webhook
-- Nobody is told any more.
DELETE FROM webhook WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: delete_webhook_deliveries
-- Nor of what was still on its way.
DELETE FROM webhook_delivery WHERE site_id = %(site_id)s AND webhook_id = %(id)s;

-- name: delete_webhook_attempts
-- And what was tried is forgotten with it.
DELETE FROM webhook_attempt WHERE site_id = %(site_id)s AND webhook_id = %(id)s;

-- name: query_deliveries
-- A page of what a subscriber was sent, or is to be.
SELECT webhook_delivery.*, event.event_type, event.entity_id, {keys}
FROM webhook_delivery
CROSS JOIN
    LATERAL (
        SELECT event.event_type, event.entity_id FROM event
        WHERE event.site_id = webhook_delivery.site_id AND event.id = webhook_delivery.event_id
        OFFSET 0
    ) AS event
WHERE webhook_delivery.site_id = %(site_id)s AND {where}
ORDER BY {order_by} -- noqa: AM06
LIMIT {limit};

-- name: list_attempts
-- What came of each try of some deliveries.
SELECT * FROM webhook_attempt
WHERE site_id = %(site_id)s AND webhook_id = %(webhook_id)s AND event_id = any(%(event_ids)s)
ORDER BY event_id, attempt;

-- name: send_again
-- A delivery that is due now, whatever became of it.
UPDATE webhook_delivery SET
    status = 'PENDING', retries = 0, next_attempt_date = %(now)s, updated_date = %(now)s
WHERE site_id = %(site_id)s AND webhook_id = %(webhook_id)s AND event_id = %(event_id)s
RETURNING *;
