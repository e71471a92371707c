-- Rows of a file on their way through.

-- name: copy
-- All rows of a file, judged by their own cells.
COPY import_stage (site_id, import_id, line, email, points, problem, detail) FROM STDIN;

-- name: empty_stage
-- Nothing staged.
DELETE FROM import_stage WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: empty_ready
-- Nothing lined up.
DELETE FROM import_ready WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: is_whole
-- Whether the last position is there. The server empties unlogged tables when it comes back from a crash.
SELECT
    exists(
        SELECT FROM import_ready
        WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND position = %(ready_rows)s
    ) AS whole;

-- name: analyze
-- Tell the planner what was just copied (citus.md 2.2: without it a plan may be quadratic).
ANALYZE import_stage;
