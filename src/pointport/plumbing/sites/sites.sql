-- The tenants and their keys.

-- name: insert_site
-- A new site.
INSERT INTO site (site_id, name, is_default, created_date)
VALUES (%(site_id)s, %(name)s, FALSE, %(now)s);

-- name: insert_program
-- The site's loyalty program, active from the start.
INSERT INTO program (
    site_id, name, status, expiration_status, months_of_inactivity, expiring_points_percentage,
    revision, created_date, updated_date
)
VALUES (%(site_id)s, 'Loyalty Program', 'ACTIVE', 'DISABLED', 12, 100, 1, %(now)s, %(now)s);

-- name: mark_default
-- One site is the default, the others are not; the statement names its site to say which.
UPDATE site SET is_default = (site_id = %(site_id)s)
WHERE is_default <> (site_id = %(site_id)s);

-- name: list_sites
-- All sites, oldest first; for the owner, since a site's own transaction sees one site_id alone.
SELECT site_id, name, is_default, created_date FROM site ORDER BY site_id;

-- name: insert_key
-- A new key, unless its id is taken; the secret itself is kept nowhere.
INSERT INTO api_key (site_id, id, name, secret_hash, scopes, created_date)
VALUES (%(site_id)s, %(id)s, %(name)s, %(secret_hash)s, %(scopes)s, %(now)s)
ON CONFLICT (site_id, id) DO NOTHING;

-- name: find_key
-- The key that a secret belongs to, if it is still good.
SELECT id, scopes FROM api_key
WHERE site_id = %(site_id)s AND secret_hash = %(secret_hash)s AND revoked_date IS NULL;

-- name: list_keys
-- A site's keys, revoked ones too.
SELECT id, name, scopes, created_date, revoked_date FROM api_key
WHERE site_id = %(site_id)s ORDER BY id;

-- name: revoke_key
-- A key that opens nothing any more; it stays in the list.
UPDATE api_key SET revoked_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND revoked_date IS NULL;

-- name: find_scopes
-- What a key opens that is not revoked.
SELECT scopes FROM api_key WHERE site_id = %(site_id)s AND id = %(id)s AND revoked_date IS NULL;

-- name: find_site_name
-- What a site is called.
SELECT name FROM site WHERE site_id = %(site_id)s;

-- name: find_key_by_id
-- A key by its id, revoked or not.
SELECT id, revoked_date FROM api_key WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: insert_audit_entry
-- Who did what to what.
INSERT INTO audit_entry (site_id, id, actor, action, subject_id, created_date)
VALUES (%(site_id)s, %(id)s, %(actor)s, %(action)s, %(subject_id)s, %(now)s);

-- name: list_newest_audit_entries
-- What was asked of a site, newest first.
SELECT id, actor, action, subject_id, created_date FROM audit_entry
WHERE site_id = %(site_id)s AND id < %(before_id)s
ORDER BY id DESC
LIMIT %(limit)s;

-- name: list_audit_entries
-- All that was asked of one thing, in order.
SELECT actor, action, created_date FROM audit_entry
WHERE site_id = %(site_id)s AND subject_id = %(subject_id)s ORDER BY id;
