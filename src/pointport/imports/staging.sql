-- Rows of a file on their way through.

-- name: own_rows_only
-- Other imports may have millions of rows in the same tables: whatever the statistics say, they are not read for this
-- one.
SET LOCAL enable_seqscan = off;

-- name: copy
-- All rows of a file, judged by their own cells.
COPY import_stage (site_id, import_id, line, email, points, problem, detail) FROM STDIN;

-- name: empty_stage
-- Nothing staged.
DELETE FROM import_stage WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: empty_ready
-- Nothing lined up.
DELETE FROM import_ready WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: empty_chunks
-- No chunks.
DELETE FROM import_chunk WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: is_whole
-- Whether the last position is there. The server empties unlogged tables when it comes back from a crash.
SELECT
    exists(
        SELECT FROM import_ready
        WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND position = %(ready_rows)s
    ) AS whole;
