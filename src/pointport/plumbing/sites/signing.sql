-- The keys that sign what is sent.

-- name: list_signing_keys
-- A site's keys, newest first.
SELECT id, status, public_key, created_date, updated_date FROM signing_key
WHERE site_id = %(site_id)s ORDER BY id DESC;

-- name: lock_signing_keys
-- The keys that sign or wait, held against other changes.
SELECT id, status, private_key FROM signing_key
WHERE site_id = %(site_id)s AND status <> 'RETIRED'
ORDER BY id
FOR UPDATE;

-- name: find_signing_key
-- The key that signs.
SELECT id, private_key FROM signing_key
WHERE site_id = %(site_id)s AND status = 'SIGNING';

-- name: find_public_key
-- The half of a key, whatever its status, that verifies what it signed.
SELECT public_key FROM signing_key
WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: insert_signing_key
-- A new key, unless somebody was faster.
INSERT INTO signing_key (site_id, id, status, public_key, private_key, created_date, updated_date)
VALUES (%(site_id)s, %(id)s, %(status)s, %(public_key)s, %(private_key)s, %(now)s, %(now)s)
ON CONFLICT (site_id, status) WHERE status <> 'RETIRED' DO NOTHING;

-- name: set_signing_key_status
-- A key signs from now on, or no more.
UPDATE signing_key SET status = %(status)s, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s;
