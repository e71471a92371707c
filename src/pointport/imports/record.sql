-- The life of an import. Each change is one named statement whose WHERE says which status it leaves; no row touched
-- means that somebody was faster. Every change adds 1 to the revision.

-- name: insert_import
-- A new import, INITIATED.
INSERT INTO loyalty_import (
    site_id, id, revision, created_date, updated_date, status, file_url, file_name, file_bytes, reading,
    applied_rows, done_rows, accounts_created, retry_of, root_id, file_sha256
)
VALUES (
    %(site_id)s, %(id)s, 1, %(now)s, %(now)s, 'INITIATED', %(file_url)s, %(file_name)s, %(file_bytes)s, %(reading)s,
    0, 0, 0, %(retry_of)s, %(root_id)s, %(file_sha256)s
)
RETURNING *;

-- name: find_import
-- An import as it is.
SELECT * FROM loyalty_import WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: find_file_names
-- What the files of some imports are called.
SELECT id, file_name FROM loyalty_import
WHERE site_id = %(site_id)s AND id = any(%(ids)s);

-- name: lock_import
-- An import, held against every other change until the transaction ends.
SELECT * FROM loyalty_import WHERE site_id = %(site_id)s AND id = %(id)s FOR NO KEY UPDATE;

-- name: share_import
-- An import, held until the transaction ends against those who want it alone; others may share and change it.
SELECT * FROM loyalty_import WHERE site_id = %(site_id)s AND id = %(id)s FOR KEY SHARE;

-- name: lock_import_alone
-- An import, once nobody shares it, held against everybody until the transaction ends.
SELECT * FROM loyalty_import WHERE site_id = %(site_id)s AND id = %(id)s FOR UPDATE;

-- name: lock_twins
-- An import and the others of the very same file, held against every other change until the transaction ends: two of
-- them that are executed at once see each other.
SELECT * FROM loyalty_import
WHERE
    site_id = %(site_id)s
    AND (
        id = %(id)s
        OR file_sha256 = (
            SELECT this.file_sha256 FROM loyalty_import AS this WHERE this.site_id = %(site_id)s AND this.id = %(id)s
        )
    )
ORDER BY id
FOR NO KEY UPDATE;

-- name: find_twins
-- The other imports of the very same file, newest first.
SELECT * FROM loyalty_import
WHERE
    site_id = %(site_id)s
    AND id <> %(id)s
    AND file_sha256 = (
        SELECT this.file_sha256 FROM loyalty_import AS this WHERE this.site_id = %(site_id)s AND this.id = %(id)s
    )
ORDER BY id DESC;

-- name: want_cancelled
-- Somebody wants an import to stop.
INSERT INTO import_cancel (site_id, import_id, actor, requested_date)
VALUES (%(site_id)s, %(import_id)s, %(actor)s, %(now)s)
ON CONFLICT (site_id, import_id) DO NOTHING;

-- name: is_cancelled
-- Whether somebody does.
SELECT count(*) > 0 AS cancelled FROM import_cancel
WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: count_still_failed
-- The failed rows of the first import of a family that have not gone through in any retry.
SELECT count(*) AS rows FROM import_row AS failed
WHERE
    failed.site_id = %(site_id)s AND failed.import_id = %(id)s AND failed.outcome IN ('FAILED', 'UNPROCESSED')
    AND NOT EXISTS (
        SELECT FROM retry_row AS again
        INNER JOIN loyalty_import AS retry ON again.site_id = retry.site_id AND again.import_id = retry.id
        LEFT JOIN import_row AS settled
            ON again.site_id = settled.site_id AND again.import_id = settled.import_id AND again.line = settled.line
        WHERE
            again.site_id = failed.site_id AND again.root_id = failed.import_id AND again.root_line = failed.line
            AND retry.success_count IS NOT NULL
            AND settled.problem IS NULL
    );

-- name: note_still_failed
-- How many they are.
UPDATE loyalty_import SET
    still_failed_count = %(still_failed_count)s, revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status IN ('IMPORTED', 'FAILED')
RETURNING *;

-- name: note_retry
-- One more import tries rows of this one's family again.
UPDATE loyalty_import SET
    retries = array_append(retries, %(retry_id)s), revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status IN ('IMPORTED', 'FAILED')
RETURNING *;

-- name: note_undo
-- How far an import is taken back.
UPDATE loyalty_import SET
    undo = %(undo)s, revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status IN ('IMPORTED', 'FAILED')
RETURNING *;

-- name: is_file_used
-- Whether an import was made of an uploaded file.
SELECT count(*) > 0 AS used FROM loyalty_import
WHERE site_id = %(site_id)s AND file_url = %(file_url)s;

-- name: begin_parsing
-- INITIATED to PARSING.
UPDATE loyalty_import SET
    status = 'PARSING', status_before = status, revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'INITIATED'
RETURNING *;

-- name: finish_parsing
-- PARSING to PARSED, with all that was found out.
UPDATE loyalty_import SET
    status = 'PARSED', status_before = status, revision = revision + 1, updated_date = %(now)s,
    file_bytes = %(file_bytes)s, file_sha256 = %(file_sha256)s, header = %(header)s, sample_rows = %(sample_rows)s,
    detected = %(detected)s, parsed_row_count = %(parsed_row_count)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'PARSING'
RETURNING *;

-- name: begin_importing
-- PARSED to IMPORTING, with what the user chose.
UPDATE loyalty_import SET
    status = 'IMPORTING', status_before = status, revision = revision + 1, updated_date = %(now)s,
    email_index = %(email_index)s, points_index = %(points_index)s, job_id = %(job_id)s, executed_date = %(now)s,
    options = %(options)s, preview_id = %(preview_id)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'PARSED'
RETURNING *;

-- name: note_staged
-- All rows are lined up, and those that fail without being applied have their outcome.
UPDATE loyalty_import SET
    ready_rows = %(ready_rows)s, applied_rows = 0, done_rows = done_rows + %(done_rows)s,
    revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'IMPORTING'
RETURNING *;

-- name: note_chunk
-- A chunk is applied.
UPDATE loyalty_import SET
    applied_rows = applied_rows + %(applied_rows)s, done_rows = done_rows + %(done_rows)s,
    accounts_created = accounts_created + %(accounts_created)s,
    revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'IMPORTING'
RETURNING *;

-- name: finish_importing
-- IMPORTING to IMPORTED, with the result.
UPDATE loyalty_import SET
    status = 'IMPORTED', status_before = status, revision = revision + 1, updated_date = %(now)s,
    finished_date = %(now)s, success_count = %(success_count)s, failure_count = %(failure_count)s,
    accounts_changed = %(accounts_changed)s, points_added = %(points_added)s, points_removed = %(points_removed)s,
    error_file_path = %(error_file_path)s, done_rows = done_rows + %(merged_rows)s,
    differing_rows = %(differing_rows)s, still_failed_count = %(failure_count)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'IMPORTING'
RETURNING *;

-- name: fail
-- PARSING or IMPORTING to FAILED, with the reason, and the counts as far as there are any.
UPDATE loyalty_import SET
    status = 'FAILED', status_before = status, revision = revision + 1, updated_date = %(now)s,
    finished_date = %(now)s, failure_reason = %(failure_reason)s, failure_message = %(failure_message)s,
    success_count = %(success_count)s, failure_count = %(failure_count)s, accounts_changed = %(accounts_changed)s,
    points_added = %(points_added)s, points_removed = %(points_removed)s, error_file_path = %(error_file_path)s,
    differing_rows = %(differing_rows)s, still_failed_count = %(failure_count)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status IN ('PARSING', 'IMPORTING')
RETURNING *;

-- name: note_erased
-- The files and row details are gone, the counts stay.
UPDATE loyalty_import SET
    erased_date = %(now)s, sample_rows = '[]', revision = revision + 1, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND erased_date IS NULL;

-- name: find_unfinished
-- Imports that a job should be at work on, and none is: all sites, for the owner. It names no site_id because it looks
-- for those that nobody looks after; the job it leads to does.
SELECT site_id, id, status
FROM loyalty_import
WHERE
    status IN ('INITIATED', 'PARSING', 'IMPORTING')
    AND updated_date < %(before)s
    AND id <> all(%(with_job)s)
LIMIT 100;

-- name: find_expired
-- Imports whose files and row details are kept no longer: all sites, each named by its site_id in what follows.
SELECT site_id, id, file_url, error_file_path
FROM loyalty_import
WHERE finished_date < %(before)s AND erased_date IS NULL
LIMIT 100;

-- name: files_in_use
-- Files that a job is at work on: all sites, by the paths that name their site_id.
SELECT file_url FROM loyalty_import
WHERE status IN ('INITIATED', 'PARSING', 'IMPORTING');

-- name: query
-- A page of a site's imports.
SELECT loyalty_import.*, {keys}
FROM loyalty_import
WHERE loyalty_import.site_id = %(site_id)s AND {where}
ORDER BY {order_by} -- noqa: AM06
LIMIT {limit};
