-- The ledger's entries. Those that take an import back are under the id of that run, which tells what it undoes.

-- name: statement
-- An account's entries, newest first.
SELECT transaction.*, undo.import_id AS undone_import_id
FROM transaction
LEFT JOIN import_run AS undo
    ON transaction.site_id = undo.site_id AND transaction.import_id = undo.id
WHERE
    transaction.site_id = %(site_id)s
    AND transaction.account_id = %(account_id)s
    AND transaction.revision < %(before_revision)s
ORDER BY transaction.revision DESC
LIMIT %(limit)s;

-- name: insert_entry
-- One entry.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, info, created_date, idempotency_key
)
VALUES (
    %(site_id)s, %(id)s, %(account_id)s, %(revision)s, %(transaction_type)s, %(amount)s, %(amount_before)s,
    %(amount_after)s, %(description)s, %(info)s, %(created_date)s, %(idempotency_key)s
);

-- name: find_entry
-- One entry by its id.
SELECT transaction.*, undo.import_id AS undone_import_id
FROM transaction
LEFT JOIN import_run AS undo
    ON transaction.site_id = undo.site_id AND transaction.import_id = undo.id
WHERE transaction.site_id = %(site_id)s AND transaction.id = %(id)s;

-- name: find_entry_by_key
-- The entry that a request with this key made.
SELECT * FROM transaction WHERE site_id = %(site_id)s AND idempotency_key = %(idempotency_key)s;

-- name: query_transactions
-- A page of a site's entries.
SELECT transaction.*, undo.import_id AS undone_import_id, {keys}
FROM transaction
LEFT JOIN import_run AS undo
    ON transaction.site_id = undo.site_id AND transaction.import_id = undo.id
WHERE transaction.site_id = %(site_id)s AND {where}
ORDER BY {order_by} -- noqa: AM06
LIMIT {limit};
