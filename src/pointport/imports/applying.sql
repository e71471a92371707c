-- One chunk of rows into the ledger. The statements run in this order, in one transaction.
--
-- An entry's id is made of the import's first 96 bits and the line (ledger/transactions.py): the cast to text and back
-- is that. Nothing here asks the time or makes an id by itself, so that it runs on Citus too.

-- name: use_indexes
-- A chunk is small beside the tables it touches: look its rows up by index, whatever the statistics say.
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;

-- name: create_accounts
-- An account for each contact that has none. Who loses the race for one to another transaction finds it in the
-- statements that follow. The contact is locked against being deleted meanwhile.
INSERT INTO account (
    site_id, id, contact_id, balance, earned, adjusted, redeemed, expired, revision,
    created_date, updated_date, last_activity_date
)
SELECT
    ready.site_id,
    (left(ready.import_id::text, 28) || lpad(to_hex(ready.line), 8, '0'))::uuid AS id,
    contact.id AS contact_id,
    0 AS balance,
    0 AS earned,
    0 AS adjusted,
    0 AS redeemed,
    0 AS expired,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM import_ready AS ready
INNER JOIN contact ON ready.site_id = contact.site_id AND ready.contact_id = contact.id
LEFT JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.contact_id
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
    AND ready.position > %(after)s AND ready.position <= %(upto)s
    AND ready.problem IS NULL AND account.id IS NULL
FOR KEY SHARE OF contact
ON CONFLICT (site_id, contact_id) DO NOTHING;

-- name: write_entries
-- Lock the accounts, in the order of their ids, and write an entry for each balance that changes. OFFSET 0 keeps the
-- comparison outside, so that accounts which already have the balance are locked too and cannot change under us.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, created_date, import_id, line
)
SELECT
    locked.site_id,
    (left(locked.import_id::text, 28) || lpad(to_hex(locked.line), 8, '0'))::uuid AS id,
    locked.account_id,
    locked.revision + 1 AS revision,
    'ADJUST' AS transaction_type,
    locked.points - locked.balance AS amount,
    locked.balance AS amount_before,
    locked.points AS amount_after,
    %(description)s AS description,
    %(now)s AS created_date,
    locked.import_id,
    locked.line
FROM (
    SELECT
        account.site_id,
        account.id AS account_id,
        account.balance,
        account.revision,
        ready.import_id,
        ready.line,
        ready.points
    FROM import_ready AS ready
    INNER JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.contact_id
    WHERE
        ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
        AND ready.position > %(after)s AND ready.position <= %(upto)s
        AND ready.problem IS NULL
    ORDER BY account.id
    OFFSET 0
    FOR NO KEY UPDATE OF account
) AS locked
WHERE locked.balance <> locked.points;

-- name: note_unchanged
-- Outcomes of the rows whose balance already was that.
INSERT INTO import_row (site_id, import_id, line, outcome, email, points)
SELECT ready.site_id, ready.import_id, ready.line, 'UNCHANGED' AS outcome, ready.email, ready.points
FROM import_ready AS ready
INNER JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.contact_id
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
    AND ready.position > %(after)s AND ready.position <= %(upto)s
    AND ready.problem IS NULL AND account.balance = ready.points;

-- name: note_lost_contacts
-- Outcomes of the rows whose contact was deleted since they were judged.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT
    ready.site_id, ready.import_id, ready.line, 'FAILED' AS outcome, 'CONTACT_NOT_FOUND' AS problem,
    ready.email, ready.points
FROM import_ready AS ready
LEFT JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.contact_id
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
    AND ready.position > %(after)s AND ready.position <= %(upto)s
    AND ready.problem IS NULL AND account.id IS NULL;

-- name: set_balances
-- The balances, as the entries say.
UPDATE account SET
    balance = ready.points,
    adjusted = account.adjusted + ready.points - account.balance,
    revision = account.revision + 1,
    updated_date = %(now)s,
    last_activity_date = %(now)s
FROM import_ready AS ready
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
    AND ready.position > %(after)s AND ready.position <= %(upto)s
    AND ready.problem IS NULL
    AND account.site_id = ready.site_id AND account.contact_id = ready.contact_id
    AND account.balance <> ready.points;

-- name: count_good
-- How many rows of the chunk there were to apply.
SELECT count(*) AS good FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position > %(after)s AND position <= %(upto)s
    AND problem IS NULL;

-- name: note_not_reached
-- Outcomes of the rows that an import which had to stop did not come to.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT site_id, import_id, line, 'UNPROCESSED' AS outcome, 'NOT_REACHED' AS problem, email, points
FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND position > %(after)s AND problem IS NULL
ON CONFLICT (site_id, import_id, line) DO NOTHING;
