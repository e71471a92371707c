-- Runs over an import's rows beside its execution.

-- name: insert_run
-- A new run.
INSERT INTO import_run (
    site_id, id, import_id, kind, status, email_index, points_index, options, actor, applied_rows, created_date,
    updated_date
)
VALUES (
    %(site_id)s, %(id)s, %(import_id)s, %(kind)s, 'RUNNING', %(email_index)s, %(points_index)s, %(options)s, %(actor)s,
    0, %(now)s, %(now)s
)
RETURNING *;

-- name: find_run
-- A run as it is.
SELECT * FROM import_run WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: share_run
-- A run, held until the transaction ends against those who want it alone.
SELECT * FROM import_run WHERE site_id = %(site_id)s AND id = %(id)s FOR KEY SHARE;

-- name: lock_run
-- A run, once nobody shares it, held against everybody until the transaction ends.
SELECT * FROM import_run WHERE site_id = %(site_id)s AND id = %(id)s FOR UPDATE;

-- name: newest_run
-- The newest run of a kind over an import.
SELECT * FROM import_run
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s AND kind = %(kind)s
    AND status = coalesce(%(status)s::text, status)
ORDER BY id DESC
LIMIT 1;

-- name: list_runs
-- All runs over an import.
SELECT * FROM import_run WHERE site_id = %(site_id)s AND import_id = %(import_id)s ORDER BY id;

-- name: note_run_staged
-- All its rows are lined up.
UPDATE import_run SET ready_rows = %(ready_rows)s, applied_rows = 0, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'RUNNING'
RETURNING *;

-- name: note_run_chunk
-- A chunk is applied.
UPDATE import_run SET applied_rows = applied_rows + %(applied_rows)s, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'RUNNING'
RETURNING *;

-- name: finish_run
-- RUNNING to DONE, with what it came to.
UPDATE import_run SET
    status = 'DONE', summary = %(summary)s, updated_date = %(now)s, finished_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'RUNNING'
RETURNING *;

-- name: fail_run
-- RUNNING to FAILED, with the reason.
UPDATE import_run SET
    status = 'FAILED', failure_reason = %(failure_reason)s, failure_message = %(failure_message)s,
    updated_date = %(now)s, finished_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'RUNNING'
RETURNING *;

-- name: begin_run_again
-- FAILED to RUNNING: what it did stays done, and it goes on from there.
UPDATE import_run SET
    status = 'RUNNING', options = %(options)s, failure_reason = NULL, failure_message = NULL,
    updated_date = %(now)s, finished_date = NULL
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'FAILED'
RETURNING *;

-- name: delete_older_runs
-- The runs that a newer one takes the place of, but for the preview that the import was executed after.
DELETE FROM import_run
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s AND kind = %(kind)s AND id < %(id)s
    AND NOT EXISTS (
        SELECT FROM loyalty_import
        WHERE loyalty_import.site_id = import_run.site_id AND loyalty_import.preview_id = import_run.id
    )
RETURNING id;

-- name: delete_run
-- A run that is kept no longer.
DELETE FROM import_run WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: find_lost_runs
-- Runs that a job should be at work on, and none is: all sites, each named by its site_id in what follows.
SELECT * FROM import_run
WHERE
    status = 'RUNNING' AND updated_date < %(before)s
    AND id <> all(%(with_job)s) AND kind = any(%(kinds)s)
LIMIT 100;

-- name: find_old_previews
-- Previews that are kept no longer: all sites, each named by its site_id in what follows.
SELECT site_id, id FROM import_run
WHERE kind IN ('PREVIEW', 'UNDO_PREVIEW') AND finished_date < %(before)s
LIMIT 100;
