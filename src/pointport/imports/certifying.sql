-- What an import did, counted anew from the ledger and the outcomes themselves. The entries of an import stand together
-- by their ids, in the order of their lines (ledger/transactions.py).

-- name: sum_entries
-- The entries, and the points of their accounts before, between and after.
SELECT
    count(*) AS entries,
    count(DISTINCT account_id) AS accounts,
    coalesce(sum(amount_before), 0)::bigint AS sum_before,
    coalesce(sum(amount), 0)::bigint AS sum_of_changes,
    coalesce(sum(amount_after), 0)::bigint AS sum_after,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS added,
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS removed
FROM transaction
WHERE site_id = %(site_id)s AND id >= %(first_id)s AND id <= %(last_id)s AND import_id = %(import_id)s;

-- name: list_entries
-- The entries in the order of their lines, each as one line of text, streamed as they are read.
COPY (
    SELECT account_id, line, amount_before, amount, amount_after
    FROM transaction
    WHERE site_id = %(site_id)s AND id >= %(first_id)s AND id <= %(last_id)s AND import_id = %(import_id)s
    ORDER BY id
) TO STDOUT (FORMAT csv);

-- name: count_other_rows
-- The rows that have no entry, by outcome.
SELECT
    outcome,
    count(*) AS rows
FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s
GROUP BY outcome;

-- name: find_undo
-- The run that takes it back, or has.
SELECT
    id,
    status,
    created_date,
    finished_date
FROM import_run
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND kind = 'UNDO';
