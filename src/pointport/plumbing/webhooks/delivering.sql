-- Events on their way out.

-- name: list_due
-- What is due to a subscriber that wants to hear, first come first served.
SELECT
    event.*, webhook.target_url, webhook_delivery.webhook_id, webhook_delivery.attempts, webhook_delivery.retries
FROM webhook_delivery
INNER JOIN webhook ON webhook_delivery.site_id = webhook.site_id AND webhook_delivery.webhook_id = webhook.id
INNER JOIN event ON webhook_delivery.site_id = event.site_id AND webhook_delivery.event_id = event.id
WHERE
    webhook_delivery.site_id = %(site_id)s AND webhook_delivery.webhook_id = %(webhook_id)s
    AND webhook_delivery.status = 'PENDING' AND webhook_delivery.next_attempt_date <= %(now)s AND webhook.is_enabled
ORDER BY webhook_delivery.next_attempt_date, webhook_delivery.event_id
LIMIT %(limit)s;

-- name: note_outcome
-- What a try came to, unless somebody else has tried since.
UPDATE webhook_delivery SET
    status = %(status)s, attempts = attempts + 1, retries = retries + 1,
    next_attempt_date = %(next_attempt_date)s, updated_date = %(now)s
WHERE
    site_id = %(site_id)s AND webhook_id = %(webhook_id)s AND event_id = %(event_id)s
    AND attempts = %(attempts)s AND status = 'PENDING';

-- name: insert_attempt
-- The try itself.
INSERT INTO webhook_attempt (
    site_id, webhook_id, event_id, attempt, attempted_date, duration_milliseconds, status_code, error
)
VALUES (
    %(site_id)s, %(webhook_id)s, %(event_id)s, %(attempt)s, %(attempted_date)s, %(duration_milliseconds)s,
    %(status_code)s, %(error)s
)
ON CONFLICT (site_id, webhook_id, event_id, attempt) DO NOTHING;

-- name: find_due
-- Subscribers to whom something has come due and whom nobody serves: all sites, for the owner, who names the site_id of
-- each in what follows. One look into the index for each subscriber, however much waits for it.
SELECT
    webhook.site_id,
    webhook.id AS webhook_id
FROM webhook
WHERE
    webhook.is_enabled
    AND webhook.id <> all(%(at_work)s)
    AND EXISTS (
        SELECT FROM webhook_delivery
        WHERE
            webhook_delivery.site_id = webhook.site_id AND webhook_delivery.webhook_id = webhook.id
            AND webhook_delivery.status = 'PENDING' AND webhook_delivery.next_attempt_date < %(before)s
    );

-- name: find_sites_with_old_events
-- Sites that have events which are kept no longer: all of them, each named by its site_id in what follows.
SELECT DISTINCT site_id FROM event WHERE created_date < %(before)s;

-- name: find_old_events
-- What happened long ago and is not on its way any more. What waits for a subscriber that is disabled goes too, since
-- nobody knows whether it will ever be enabled.
SELECT event.id FROM event
WHERE
    event.site_id = %(site_id)s AND event.created_date < %(before)s
    AND NOT EXISTS (
        SELECT FROM webhook_delivery
        INNER JOIN webhook ON webhook_delivery.site_id = webhook.site_id AND webhook_delivery.webhook_id = webhook.id
        WHERE
            webhook_delivery.site_id = event.site_id AND webhook_delivery.event_id = event.id
            AND webhook_delivery.status = 'PENDING' AND webhook.is_enabled
    )
LIMIT %(limit)s;

-- name: delete_old_deliveries
-- What became of some events; before the tries, so that none is noted in between.
DELETE FROM webhook_delivery
WHERE site_id = %(site_id)s AND event_id = any(%(event_ids)s);

-- name: delete_old_attempts
-- The tries of some events.
DELETE FROM webhook_attempt
WHERE site_id = %(site_id)s AND event_id = any(%(event_ids)s);

-- name: delete_old_events
-- Some events.
DELETE FROM event WHERE site_id = %(site_id)s AND id = any(%(event_ids)s);
