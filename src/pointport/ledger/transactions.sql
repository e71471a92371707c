-- The ledger's entries.

-- name: statement
-- An account's entries, newest first.
SELECT
    id, account_id, revision, transaction_type, amount, amount_before, amount_after, description,
    created_date, import_id, line, idempotency_key
FROM transaction
WHERE site_id = %(site_id)s AND account_id = %(account_id)s AND revision < %(before_revision)s
ORDER BY revision DESC
LIMIT %(limit)s;
