-- What became of the rows of an import, or of a preview or an undo of one, by line. Those that changed a balance are
-- entries of the ledger, which stand together by their ids (ledger/transactions.py); the others have an outcome. Both
-- are walked along their primary keys and looked up one by one from there, so a page costs what it shows, and never a
-- sort of all rows. Of an import that has just ended the statistics know nothing: OFFSET 0 keeps each look-up one,
-- where the planner would rather read all rows of a preview for each that it shows.

-- name: look_rows_up
-- One row at a time by index, whatever the statistics say of an import that has just ended.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: find_newest_run
-- The newest run of a kind over an import, of those that have come to their end where only they count.
SELECT id, email_index, points_index FROM import_run
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s AND kind = %(kind)s
    AND (status = 'DONE' OR NOT %(done)s)
ORDER BY id DESC
LIMIT 1;

-- name: query_entries
-- A page of the rows that changed a balance; with what the preview had said of those that came out in another way.
SELECT
    transaction.line,
    contact.email,
    CASE WHEN %(adds)s THEN transaction.amount ELSE transaction.amount_after END AS points,
    'IMPORTED' AS outcome,
    NULL AS problem,
    NULL::jsonb AS detail,
    transaction.amount_before AS balance_before,
    transaction.amount_after AS balance_after,
    transaction.id AS transaction_id,
    foretold.outcome AS foretold_outcome,
    foretold.problem AS foretold_problem,
    foretold.balance_before AS foretold_before,
    foretold.balance_after AS foretold_after,
    {keys}
FROM transaction
LEFT JOIN LATERAL (
    SELECT owner.email FROM contact AS owner
    WHERE owner.site_id = transaction.site_id AND owner.id = transaction.account_id
    OFFSET 0
) AS contact ON TRUE
LEFT JOIN
    LATERAL (
        SELECT said.line, said.outcome, said.problem, said.balance_before, said.balance_after FROM import_row AS said
        WHERE
            said.site_id = transaction.site_id AND said.import_id = %(preview_id)s AND said.line = transaction.line
        OFFSET 0
    ) AS foretold
    ON (
        foretold.outcome <> 'IMPORTED'
        OR transaction.amount_before <> foretold.balance_before
        OR transaction.amount_after <> foretold.balance_after
    )
WHERE
    transaction.site_id = %(site_id)s AND transaction.id >= %(first_id)s AND transaction.id <= %(last_id)s
    AND {where}
ORDER BY {order_by} -- noqa: AM06
LIMIT {limit};

-- name: query_outcomes
-- A page of the other rows, likewise.
SELECT
    import_row.line,
    import_row.email,
    import_row.points,
    import_row.outcome,
    import_row.problem,
    import_row.detail,
    import_row.balance_before,
    import_row.balance_after,
    NULL::uuid AS transaction_id,
    foretold.outcome AS foretold_outcome,
    foretold.problem AS foretold_problem,
    foretold.balance_before AS foretold_before,
    foretold.balance_after AS foretold_after,
    {keys}
FROM import_row
LEFT JOIN
    LATERAL (
        SELECT said.line, said.outcome, said.problem, said.balance_before, said.balance_after FROM import_row AS said
        WHERE said.site_id = import_row.site_id AND said.import_id = %(preview_id)s AND said.line = import_row.line
        OFFSET 0
    ) AS foretold
    ON (
        import_row.outcome <> foretold.outcome
        OR import_row.problem <> foretold.problem
        OR import_row.balance_before <> foretold.balance_before
        OR import_row.balance_after <> foretold.balance_after
    )
WHERE import_row.site_id = %(site_id)s AND import_row.import_id = %(import_id)s AND {where}
ORDER BY {order_by} -- noqa: AM06
LIMIT {limit};

-- name: next_entries
-- The rows that changed a balance, from a line on, for a report of all.
SELECT
    line, 'IMPORTED' AS outcome, NULL AS problem, NULL::jsonb AS detail,
    amount_before AS balance_before, amount_after AS balance_after, id AS transaction_id
FROM transaction
WHERE site_id = %(site_id)s AND id > %(after_id)s AND id <= %(last_id)s
ORDER BY id
LIMIT %(limit)s;

-- name: next_outcomes
-- The other rows, likewise.
SELECT line, outcome, problem, detail, balance_before, balance_after, NULL::uuid AS transaction_id
FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND line > %(after)s
ORDER BY line
LIMIT %(limit)s;
