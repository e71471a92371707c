-- What applying.sql does by key, for a dense chunk: the accounts between those of its first row and of its last one are
-- read beside the rows, each side once. That takes half as long where few others are between them.

-- name: walk
-- Both sides in order, each once, whatever the statistics say.
SET LOCAL enable_nestloop = off;
SET LOCAL enable_mergejoin = on;

-- name: walked
-- By key again.
SET LOCAL enable_nestloop = on;
SET LOCAL enable_mergejoin = off;

-- name: write_entries_in_step
-- Lock the accounts that were there before in the order of their ids, and write an entry for each balance that changes.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, created_date, import_id, line
)
SELECT
    locked.site_id,
    (left(%(import_id)s::text, 28) || lpad(to_hex(locked.line), 8, '0'))::uuid AS id,
    locked.id AS account_id,
    locked.revision + 1 AS revision,
    'ADJUST' AS transaction_type,
    CASE WHEN %(adds)s THEN locked.points ELSE locked.points - locked.balance END AS amount,
    locked.balance AS amount_before,
    CASE WHEN %(adds)s THEN locked.balance + locked.points ELSE locked.points END AS amount_after,
    %(description)s AS description,
    %(now)s AS created_date,
    locked.import_id,
    locked.line
FROM (
    SELECT
        chunk.site_id,
        chunk.import_id,
        chunk.line,
        chunk.points,
        account.id,
        account.balance,
        account.revision
    FROM import_ready AS chunk
    INNER JOIN account ON chunk.site_id = account.site_id AND chunk.contact_id = account.id
    WHERE
        chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
        AND chunk.position BETWEEN %(first)s AND %(last)s
        AND chunk.problem IS NULL AND chunk.has_account
        AND account.site_id = %(site_id)s
        AND account.id BETWEEN %(first_contact_id)s AND %(last_contact_id)s
    ORDER BY account.id
    OFFSET 0
    FOR NO KEY UPDATE OF account
) AS locked
WHERE locked.points <> CASE WHEN %(adds)s THEN 0 ELSE locked.balance END;

-- name: find_missing_accounts_in_step
-- The rows that were taken to have an account, and have none.
UPDATE import_ready SET has_account = FALSE
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND has_account
    AND NOT EXISTS (
        SELECT FROM account
        WHERE
            account.site_id = import_ready.site_id AND account.id = import_ready.contact_id
            AND account.site_id = %(site_id)s
            AND account.id BETWEEN %(first_contact_id)s AND %(last_contact_id)s
    );

-- name: create_accounts_in_step
-- An account for each contact that had none, with its balance at once; the contact is locked against being deleted.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT
    chunk.site_id,
    contact.id,
    chunk.points AS balance,
    0 AS earned,
    chunk.points AS adjusted,
    0 AS redeemed,
    0 AS expired,
    CASE WHEN chunk.points = 0 THEN 1 ELSE 2 END AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM import_ready AS chunk
INNER JOIN contact ON chunk.site_id = contact.site_id AND chunk.contact_id = contact.id
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position BETWEEN %(first)s AND %(last)s
    AND chunk.problem IS NULL AND NOT chunk.has_account
    AND contact.site_id = %(site_id)s
    AND contact.id BETWEEN %(first_contact_id)s AND %(last_contact_id)s
ORDER BY contact.id
FOR KEY SHARE OF contact;

-- name: note_unchanged_in_step
-- Outcomes of the rows whose balance already was that; before the balances are set, they are those that accounts have.
INSERT INTO import_row (
    site_id, import_id, line, outcome, email, points, account_id, balance_before, balance_after
)
SELECT
    chunk.site_id,
    chunk.import_id,
    chunk.line,
    'UNCHANGED' AS outcome,
    chunk.email,
    chunk.points,
    account.id AS account_id,
    account.balance AS balance_before,
    account.balance AS balance_after
FROM import_ready AS chunk
INNER JOIN account ON chunk.site_id = account.site_id AND chunk.contact_id = account.id
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position BETWEEN %(first)s AND %(last)s
    AND chunk.problem IS NULL
    AND CASE WHEN chunk.has_account AND NOT %(adds)s THEN chunk.points = account.balance ELSE chunk.points = 0 END
    AND account.site_id = %(site_id)s
    AND account.id BETWEEN %(first_contact_id)s AND %(last_contact_id)s;

-- name: set_balances_in_step
-- The balances of the accounts that were there before, as the rows say.
UPDATE account SET
    balance = chunk.points,
    adjusted = account.adjusted + chunk.points - account.balance,
    revision = account.revision + 1,
    updated_date = %(now)s,
    last_activity_date = %(now)s
FROM import_ready AS chunk
WHERE
    account.site_id = %(site_id)s
    AND account.id BETWEEN %(first_contact_id)s AND %(last_contact_id)s
    AND account.site_id = chunk.site_id AND account.id = chunk.contact_id
    AND chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position BETWEEN %(first)s AND %(last)s
    AND chunk.problem IS NULL AND chunk.has_account AND chunk.points <> account.balance;

-- name: add_balances_in_step
-- Likewise where points are added.
UPDATE account SET
    balance = account.balance + chunk.points,
    adjusted = account.adjusted + chunk.points,
    revision = account.revision + 1,
    updated_date = %(now)s,
    last_activity_date = %(now)s
FROM import_ready AS chunk
WHERE
    account.site_id = %(site_id)s
    AND account.id BETWEEN %(first_contact_id)s AND %(last_contact_id)s
    AND account.site_id = chunk.site_id AND account.id = chunk.contact_id
    AND chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position BETWEEN %(first)s AND %(last)s
    AND chunk.problem IS NULL AND chunk.has_account AND chunk.points <> 0;
