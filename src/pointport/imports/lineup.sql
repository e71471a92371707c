-- The rows that are lined up to be applied, and the chunks that they are cut into.

-- name: cut
-- Chunks of so many positions, the last one with what is left.
INSERT INTO import_chunk (site_id, import_id, first_position, last_position, is_dense)
SELECT
    site.site_id,
    %(import_id)s AS import_id,
    chunk.first_position,
    least(chunk.first_position + %(chunk_rows)s - 1, %(ready_rows)s) AS last_position,
    %(are_dense)s AS is_dense
FROM site
CROSS JOIN generate_series(1, %(ready_rows)s::bigint, %(chunk_rows)s::bigint) AS chunk (first_position)
WHERE site.site_id = %(site_id)s;

-- name: has_few_customers
-- Whether the site has at most so many contacts; hardly an account has none.
SELECT count(*) <= %(customers_max)s AS few
FROM (
    SELECT FROM contact
    WHERE site_id = %(site_id)s
    LIMIT %(customers_max)s + 1
) AS customer;

-- name: count_left
-- How many chunks are not applied yet.
SELECT count(*) AS chunks FROM import_chunk
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND applied_date IS NULL;

-- name: take_chunk
-- The next chunk that nobody has taken.
SELECT first_position, last_position, is_dense FROM import_chunk
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND applied_date IS NULL
ORDER BY first_position
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: wait_for_chunk
-- The next chunk, once whoever has taken it lets go of it without having applied it.
SELECT first_position, last_position, is_dense FROM import_chunk
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND applied_date IS NULL
ORDER BY first_position
LIMIT 1
FOR UPDATE;

-- name: note_applied
-- The chunk is applied, at a moment that no other chunk of the import has.
UPDATE import_chunk SET applied_date = %(now)s
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND first_position = %(first)s;
