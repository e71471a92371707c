-- What became of an import, counted from the ledger and the outcomes themselves.

-- name: read_by_page
-- Page after page: by their ids entries are in the order of the file, and each page would come up many times.
SET LOCAL enable_indexscan = off;
SET LOCAL enable_seqscan = off;

-- name: read_by_key
-- As always again.
SET LOCAL enable_indexscan = on;
SET LOCAL enable_seqscan = on;

-- name: count_entries
-- The rows that changed a balance, and by how much. The entries of an import stand together by their ids.
SELECT
    count(*) AS entries,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS points_added,
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS points_removed
FROM transaction
WHERE site_id = %(site_id)s AND id >= %(first_id)s AND id <= %(last_id)s;

-- name: count_outcomes
-- The other rows, by outcome.
SELECT outcome, count(*) AS rows FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s
GROUP BY outcome;

-- name: count_failed
-- The rows that have failed by now.
SELECT count(*) AS rows FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND outcome = 'FAILED';

-- name: failures
-- The rows that did not go through, by line.
SELECT line, outcome, problem, detail FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND outcome IN ('FAILED', 'UNPROCESSED')
ORDER BY line;

-- name: count_problems
-- How often each problem occurred.
SELECT problem, count(*) AS rows FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND problem IS NOT NULL
GROUP BY problem;

-- name: erase_rows
-- Row details that are kept no longer.
DELETE FROM import_row WHERE site_id = %(site_id)s AND import_id = %(import_id)s;

-- name: rows_have_imports
-- A proof for `pointport ledger verify`: no outcome without its import, or its preview or undo of one.
SELECT
    import_row.import_id AS subject,
    format('line %%s has an outcome, but there is no such import', import_row.line) AS finding,
    count(*) OVER (PARTITION BY import_row.site_id) AS findings
FROM import_row
LEFT JOIN loyalty_import
    ON import_row.site_id = loyalty_import.site_id AND import_row.import_id = loyalty_import.id
LEFT JOIN import_run
    ON import_row.site_id = import_run.site_id AND import_row.import_id = import_run.id
WHERE import_row.site_id = %(site_id)s AND loyalty_import.id IS NULL AND import_run.id IS NULL
LIMIT 10;

-- name: counts_equal_rows
-- A proof for `pointport ledger verify`: what an import says of itself is what the ledger and the outcomes say.
SELECT
    loyalty_import.id AS subject,
    format(
        'says %%s good and %%s bad of %%s rows; there are %%s entries, %%s unchanged or merged, and %%s bad',
        loyalty_import.success_count, loyalty_import.failure_count, loyalty_import.parsed_row_count,
        coalesce(entries.entries, 0), coalesce(outcomes.unchanged, 0), coalesce(outcomes.bad, 0)
    ) AS finding,
    count(*) OVER (PARTITION BY loyalty_import.site_id) AS findings
FROM loyalty_import
LEFT JOIN (
    SELECT
        site_id,
        import_id,
        count(*) AS entries,
        coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS points_added,
        coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS points_removed
    FROM transaction
    WHERE site_id = %(site_id)s AND import_id IS NOT NULL
    GROUP BY site_id, import_id
) AS entries ON loyalty_import.site_id = entries.site_id AND loyalty_import.id = entries.import_id
LEFT JOIN (
    SELECT
        site_id,
        import_id,
        count(*) FILTER (WHERE outcome IN ('UNCHANGED', 'MERGED')) AS unchanged,
        count(*) FILTER (WHERE outcome IN ('FAILED', 'UNPROCESSED')) AS bad
    FROM import_row
    WHERE site_id = %(site_id)s
    GROUP BY site_id, import_id
) AS outcomes ON loyalty_import.site_id = outcomes.site_id AND loyalty_import.id = outcomes.import_id
WHERE
    loyalty_import.site_id = %(site_id)s
    AND loyalty_import.success_count IS NOT NULL
    AND (
        loyalty_import.accounts_changed <> coalesce(entries.entries, 0)
        OR loyalty_import.points_added <> coalesce(entries.points_added, 0)
        OR loyalty_import.points_removed <> coalesce(entries.points_removed, 0)
        OR (
            loyalty_import.erased_date IS NULL
            AND (
                loyalty_import.success_count <> coalesce(entries.entries, 0) + coalesce(outcomes.unchanged, 0)
                OR loyalty_import.failure_count <> coalesce(outcomes.bad, 0)
            )
        )
    )
LIMIT 10;

-- name: undos_equal_entries
-- Another: what an undo says that it took back is what its entries did.
SELECT
    import_run.id AS subject,
    format(
        'says that it added %%s points and removed %%s; its entries add %%s and remove %%s',
        import_run.summary ->> 'points_added', import_run.summary ->> 'points_removed',
        coalesce(entries.points_added, 0), coalesce(entries.points_removed, 0)
    ) AS finding,
    count(*) OVER (PARTITION BY import_run.site_id) AS findings
FROM import_run
LEFT JOIN (
    SELECT
        site_id,
        import_id,
        coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS points_added,
        coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS points_removed
    FROM transaction
    WHERE site_id = %(site_id)s AND import_id IS NOT NULL
    GROUP BY site_id, import_id
) AS entries ON import_run.site_id = entries.site_id AND import_run.id = entries.import_id
WHERE
    import_run.site_id = %(site_id)s AND import_run.kind = 'UNDO' AND import_run.status = 'DONE'
    AND (
        (import_run.summary ->> 'points_added')::bigint <> coalesce(entries.points_added, 0)
        OR (import_run.summary ->> 'points_removed')::bigint <> coalesce(entries.points_removed, 0)
    )
LIMIT 10;

-- name: entries_have_imports
-- Another: no entry names an import, or an undo of one, that does not exist.
SELECT
    entries.import_id AS subject,
    format('%%s entries name it as their cause, but there is no such import', entries.entries) AS finding,
    count(*) OVER (PARTITION BY entries.site_id) AS findings
FROM (
    SELECT site_id, import_id, count(*) AS entries
    FROM transaction
    WHERE site_id = %(site_id)s AND import_id IS NOT NULL
    GROUP BY site_id, import_id
) AS entries
LEFT JOIN loyalty_import ON entries.site_id = loyalty_import.site_id AND entries.import_id = loyalty_import.id
LEFT JOIN import_run
    ON entries.site_id = import_run.site_id AND entries.import_id = import_run.id AND import_run.kind = 'UNDO'
WHERE entries.site_id = %(site_id)s AND loyalty_import.id IS NULL AND import_run.id IS NULL
LIMIT 10;
