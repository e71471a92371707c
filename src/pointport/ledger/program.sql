-- A site's loyalty program.

-- name: find_program
-- The program as it is.
SELECT * FROM program WHERE site_id = %(site_id)s;

-- name: lock_program
-- The program, held against every other change until the transaction ends.
SELECT * FROM program WHERE site_id = %(site_id)s FOR NO KEY UPDATE;

-- name: change_program
-- All that can be changed of it.
UPDATE program SET
    name = %(name)s, status = %(status)s, custom_name = %(custom_name)s, icon = %(icon)s,
    expiration_status = %(expiration_status)s, months_of_inactivity = %(months_of_inactivity)s,
    expiring_points_percentage = %(expiring_points_percentage)s,
    revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s
RETURNING *;
