-- The customers of a site.

-- name: merge_contacts
-- Add contacts, or bring the names of known ones up to date; a row that says nothing new changes nothing. The rows come
-- as arrays, each address once.
INSERT INTO contact (site_id, id, email, first_name, last_name, revision, created_date, updated_date)
SELECT
    given.site_id,
    given.id,
    given.email,
    given.first_name,
    given.last_name,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date
FROM
    unnest(
        %(site_ids)s::uuid[], %(ids)s::uuid[], %(emails)s::text[], %(first_names)s::text[], %(last_names)s::text[]
    ) AS given (site_id, id, email, first_name, last_name)
ORDER BY given.email
ON CONFLICT (site_id, email) DO UPDATE
    SET
        first_name = coalesce(nullif(excluded.first_name, ''), contact.first_name),
        last_name = coalesce(nullif(excluded.last_name, ''), contact.last_name),
        revision = contact.revision + 1,
        updated_date = excluded.updated_date
    WHERE
    (excluded.first_name <> '' AND excluded.first_name <> contact.first_name)
    OR (excluded.last_name <> '' AND excluded.last_name <> contact.last_name)
RETURNING (revision = 1) AS created;

-- name: find_by_email
-- The contact of an address in normal form.
SELECT id, email, first_name, last_name, revision, created_date, updated_date FROM contact
WHERE site_id = %(site_id)s AND email = %(email)s;

-- name: find_contact
-- A contact by its id.
SELECT id, email, first_name, last_name, revision, created_date, updated_date FROM contact
WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: lock_contact
-- A contact, held against every other change.
SELECT id, email, first_name, last_name, revision, created_date, updated_date FROM contact
WHERE site_id = %(site_id)s AND id = %(id)s FOR NO KEY UPDATE;

-- name: lock_contact_for_deletion
-- A contact, held against every other change and against whoever is about to make an account for it.
SELECT id, email, first_name, last_name, revision, created_date, updated_date FROM contact
WHERE site_id = %(site_id)s AND id = %(id)s FOR UPDATE;

-- name: insert_contact
-- A new contact, unless the address is known.
INSERT INTO contact (site_id, id, email, first_name, last_name, revision, created_date, updated_date)
VALUES (%(site_id)s, %(id)s, %(email)s, %(first_name)s, %(last_name)s, 1, %(now)s, %(now)s)
ON CONFLICT (site_id, email) DO NOTHING
RETURNING id, email, first_name, last_name, revision, created_date, updated_date;

-- name: change_contact
-- What is said of a contact.
UPDATE contact SET
    email = %(email)s, first_name = %(first_name)s, last_name = %(last_name)s,
    revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s
RETURNING id, email, first_name, last_name, revision, created_date, updated_date;

-- name: delete_contact
-- A contact without an account is gone.
DELETE FROM contact WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: query_contacts
-- A page of a site's contacts.
SELECT contact.*, {keys}
FROM contact
WHERE contact.site_id = %(site_id)s AND {where}
ORDER BY {order_by} -- noqa: AM06
LIMIT {limit};
