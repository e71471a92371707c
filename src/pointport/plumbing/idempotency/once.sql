-- Keys of requests that may be sent again, and what was answered.

-- name: claim_key
-- The key becomes this request's, unless it is another's that has not expired. Waits for a transaction that is at the
-- same key, and holds the key of another until the end, so that nobody takes it away meanwhile.
INSERT INTO idempotency_key (site_id, key, call, body_sha256, created_date)
VALUES (%(site_id)s, %(key)s, %(call)s, %(body_sha256)s, %(now)s)
ON CONFLICT (site_id, key) DO UPDATE SET
    call = excluded.call, body_sha256 = excluded.body_sha256, answer = NULL, created_date = excluded.created_date
WHERE idempotency_key.created_date <= %(before)s;

-- name: find_answer
-- What a key that has not expired was used for, and what was answered.
SELECT call, body_sha256, answer FROM idempotency_key
WHERE site_id = %(site_id)s AND key = %(key)s AND created_date > %(before)s;

-- name: keep_answer
-- The answer to the request that has just claimed the key.
UPDATE idempotency_key SET answer = %(answer)s
WHERE site_id = %(site_id)s AND key = %(key)s AND answer IS NULL;

-- name: find_sites_with_old_keys
-- Sites that have keys which have expired: all of them, each named by its site_id in what follows.
SELECT DISTINCT site_id FROM idempotency_key WHERE created_date <= %(before)s;

-- name: delete_old_keys
-- A site's keys that have expired.
DELETE FROM idempotency_key WHERE site_id = %(site_id)s AND created_date <= %(before)s;
