-- The entries of an import, lined up to be taken back. They stand together by their ids, and an entry that takes one
-- back has the undo's id and the same line.

-- name: undo_in_sets
-- Nothing has told the statistics of what was just written: no table is read again for each row of another.
SET LOCAL work_mem = '64MB';
SET LOCAL enable_nestloop = off;
SET LOCAL enable_hashjoin = on;
SET LOCAL enable_mergejoin = on;
SET LOCAL enable_seqscan = on;
SET LOCAL enable_bitmapscan = on;

-- name: line_up_entries
-- In the order of their accounts, as everything is applied; an account was changed by one row of a file at most.
INSERT INTO import_ready (
    site_id, import_id, position, line, contact_id, email, points, problem, doubled, has_account, is_new
)
SELECT
    entry.site_id,
    %(run_id)s AS import_id,
    row_number() OVER (PARTITION BY entry.site_id ORDER BY entry.account_id) AS position,
    entry.line,
    entry.account_id AS contact_id,
    contact.email,
    -entry.amount AS points,
    NULL AS problem,
    FALSE AS doubled,
    TRUE AS has_account,
    FALSE AS is_new
FROM transaction AS entry
INNER JOIN contact ON entry.site_id = contact.site_id AND entry.account_id = contact.id
WHERE entry.site_id = %(site_id)s AND entry.id >= %(first_id)s AND entry.id <= %(last_id)s;

-- name: later_setters
-- The imports that set balances after this one.
SELECT later.id
FROM loyalty_import AS this
INNER JOIN loyalty_import AS later ON this.site_id = later.site_id AND this.executed_date < later.executed_date
WHERE
    this.site_id = %(site_id)s AND this.id = %(import_id)s
    AND later.site_id = %(site_id)s AND later.id <> this.id
    AND coalesce(later.options ->> 'mode', 'SET') = 'SET'
ORDER BY later.id;

-- name: undo_by_key
-- From here on each row goes by a key of its own.
SET LOCAL enable_nestloop = on;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: settle_undone
-- Lined up a second time: those that have their outcome, or are taken back, are not taken up again, and no later import
-- is in the way of what is done.
UPDATE import_ready SET problem = 'DONE'
WHERE
    site_id = %(site_id)s AND import_id = %(run_id)s
    AND (
        EXISTS (
            SELECT FROM import_row
            WHERE
                import_row.site_id = import_ready.site_id AND import_row.import_id = %(done_by)s
                AND import_row.line = import_ready.line
        )
        OR EXISTS (
            SELECT FROM transaction
            WHERE
                transaction.site_id = import_ready.site_id
                AND transaction.id
                = (left(%(done_by)s::text, 28) || lpad(to_hex(import_ready.line), 8, '0'))::uuid
        )
    );

-- name: find_later_entries
-- Those whose balance one of these has set, unless that was taken back again, to the last point. Every row is there:
-- written as an INSERT it finds each by its key, and leaves the planner no choice.
INSERT INTO import_ready (
    site_id, import_id, position, line, contact_id, email, points, problem, doubled, has_account, is_new,
    later_import_id
)
SELECT
    later.site_id,
    later.run_id AS import_id,
    later.position,
    later.line,
    later.contact_id,
    later.email,
    later.points,
    'LATER_IMPORT' AS problem,
    FALSE AS doubled,
    TRUE AS has_account,
    FALSE AS is_new,
    later.import_id AS later_import_id
FROM (
    SELECT
        ready.site_id,
        ready.import_id AS run_id,
        ready.position,
        ready.line,
        ready.contact_id,
        ready.email,
        ready.points,
        setting.import_id
    FROM import_ready AS ready
    CROSS JOIN
        LATERAL (
            SELECT own.revision FROM transaction AS own
            WHERE
                own.site_id = ready.site_id
                AND own.id = (left(%(import_id)s::text, 28) || lpad(to_hex(ready.line), 8, '0'))::uuid
            OFFSET 0
        ) AS own
    CROSS JOIN
        LATERAL (
            SELECT entry.import_id FROM transaction AS entry
            LEFT JOIN
                LATERAL (
                    SELECT import_run.id FROM import_run
                    WHERE
                        import_run.site_id = entry.site_id AND import_run.import_id = entry.import_id
                        AND import_run.kind = 'UNDO'
                    OFFSET 0
                ) AS undo
                ON TRUE
            LEFT JOIN
                LATERAL (
                    SELECT undone.amount FROM transaction AS undone
                    WHERE
                        undone.site_id = entry.site_id
                        AND undone.id = (left(undo.id::text, 28) || lpad(to_hex(entry.line), 8, '0'))::uuid
                    OFFSET 0
                ) AS reversal
                ON TRUE
            WHERE
                entry.site_id = ready.site_id AND entry.account_id = ready.contact_id
                AND entry.revision > own.revision
                AND entry.import_id = any(%(later_ids)s)
                AND (reversal.amount IS NULL OR reversal.amount <> -entry.amount)
            ORDER BY entry.revision DESC
            LIMIT 1
        ) AS setting
    WHERE ready.site_id = %(site_id)s AND ready.import_id = %(run_id)s AND ready.problem IS NULL
    OFFSET 0
) AS later
ON CONFLICT (site_id, import_id, position) DO UPDATE SET
    problem = excluded.problem,
    later_import_id = excluded.later_import_id;

-- name: find_later_confirmations
-- Those whose balance one of these has found to be what it was to be.
UPDATE import_ready SET problem = 'LATER_IMPORT', later_import_id = later.import_id
FROM (
    SELECT
        confirmed.site_id,
        confirmed.account_id,
        (array_agg(confirmed.import_id ORDER BY confirmed.import_id DESC))[1] AS import_id
    FROM import_row AS confirmed
    INNER JOIN loyalty_import AS setter
        ON confirmed.site_id = setter.site_id AND confirmed.import_id = setter.id
    WHERE
        confirmed.site_id = %(site_id)s AND setter.site_id = %(site_id)s
        AND confirmed.import_id = any(%(later_ids)s)
        AND confirmed.outcome = 'UNCHANGED' AND confirmed.account_id IS NOT NULL
        AND (setter.undo IS NULL OR setter.undo ->> 'status' <> 'DONE')
    GROUP BY confirmed.site_id, confirmed.account_id
) AS later
WHERE
    import_ready.site_id = %(site_id)s AND import_ready.import_id = %(run_id)s
    AND import_ready.site_id = later.site_id AND import_ready.contact_id = later.account_id
    AND import_ready.problem IS NULL;

-- name: note_later
-- Their outcomes, with the import that stands in the way.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points, account_id)
SELECT
    site_id,
    import_id,
    line,
    'FAILED' AS outcome,
    problem,
    jsonb_build_object('later_import_id', later_import_id) AS detail,
    email,
    points,
    contact_id AS account_id
FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(run_id)s AND problem = 'LATER_IMPORT'
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: count_undone
-- What became, or in a preview will become, of the import's entries. Those of the undo stand together as well.
SELECT
    count(*) AS entries,
    count(*) FILTER (WHERE undone.amount = -undone.original) AS reversed,
    count(*) FILTER (
        WHERE
        undone.problem = 'POINTS_SPENT'
        OR (undone.amount IS NOT NULL AND undone.amount <> -undone.original)
    ) AS kept,
    count(*) FILTER (WHERE undone.problem IN ('LATER_IMPORT', 'BALANCE_TOO_LARGE')) AS impossible,
    coalesce(-sum(undone.amount) FILTER (WHERE undone.amount < 0), 0)::bigint AS points_removed,
    coalesce(sum(undone.amount) FILTER (WHERE undone.amount > 0), 0)::bigint AS points_added
FROM (
    SELECT
        entry.amount AS original,
        coalesce(reversal.amount, settled.balance_after - settled.balance_before) AS amount,
        settled.problem
    FROM transaction AS entry
    LEFT JOIN transaction AS reversal
        ON
            entry.site_id = reversal.site_id AND entry.line = reversal.line
            AND reversal.site_id = %(site_id)s
            AND reversal.id >= %(first_undone_id)s AND reversal.id <= %(last_undone_id)s
    LEFT JOIN import_row AS settled
        ON
            entry.site_id = settled.site_id AND entry.line = settled.line
            AND settled.site_id = %(site_id)s AND settled.import_id = any(%(run_ids)s)
    WHERE entry.site_id = %(site_id)s AND entry.id >= %(first_id)s AND entry.id <= %(last_id)s
) AS undone;

-- name: count_reasons
-- How often each reason is there why an entry could not be taken back, and the imports that stand in the way.
SELECT
    problem,
    count(*) AS rows,
    (
        array_agg(DISTINCT detail ->> 'later_import_id' ORDER BY detail ->> 'later_import_id' DESC)
    )[1:%(limit)s] AS later_ids
FROM import_row
WHERE site_id = %(site_id)s AND import_id = any(%(run_ids)s) AND problem IS NOT NULL
GROUP BY problem;
