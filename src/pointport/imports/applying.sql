-- One chunk of rows into the ledger. The statements run in this order, in one transaction.
--
-- A fresh table has no statistics, and older ones know nothing of a new site: the planner may well turn a join round
-- and read the chunk once for every account, or the other way about. So no statement here leaves it a choice: each
-- walks the chunk in the order of its contacts, which is the order of the accounts' ids, and looks up one account for
-- each row (OFFSET 0 keeps a subquery from becoming a join). Nothing asks the time or makes an id by itself, so that it
-- runs on Citus too. An entry's id is made of the import's first 96 bits and the line (ledger/transactions.py): the
-- cast to text and back is that.

-- name: look_up
-- One row at a time by index, whatever the statistics say.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: count_good
-- How many rows of the chunk there are to apply.
SELECT count(*) AS good FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position > %(after)s AND position <= %(upto)s
    AND problem IS NULL;

-- name: create_accounts
-- An account for each contact that has none, with its balance at once. The contact is locked against being deleted
-- meanwhile. Who loses the race for an account to another transaction finds it there in the statements that follow. The
-- moment of creation, %(now)s, is this chunk's own: it tells the accounts that are new here from all others, and should
-- two transactions ever share it, the key of the entries (account, revision) refuses the second.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT
    chunk.site_id,
    owner.id,
    chunk.points AS balance,
    0 AS earned,
    chunk.points AS adjusted,
    0 AS redeemed,
    0 AS expired,
    CASE WHEN chunk.points = 0 THEN 1 ELSE 2 END AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM (
    SELECT ready.site_id, ready.contact_id, ready.points
    FROM import_ready AS ready
    WHERE
        ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
        AND ready.position > %(after)s AND ready.position <= %(upto)s
        AND ready.problem IS NULL
        AND NOT EXISTS (
            SELECT FROM account WHERE account.site_id = ready.site_id AND account.id = ready.contact_id
            OFFSET 0
        )
    ORDER BY ready.position
    OFFSET 0
) AS chunk
CROSS JOIN
    LATERAL (
        SELECT contact.id FROM contact
        WHERE contact.site_id = chunk.site_id AND contact.id = chunk.contact_id
        FOR KEY SHARE
    ) AS owner
ON CONFLICT (site_id, id) DO NOTHING;

-- name: write_entries
-- Lock the accounts in the order of their ids, and write an entry for each balance that changes; that of a new account
-- changes from 0.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, created_date, import_id, line
)
SELECT
    chunk.site_id,
    (left(chunk.import_id::text, 28) || lpad(to_hex(chunk.line), 8, '0'))::uuid AS id,
    locked.id AS account_id,
    locked.revision,
    'ADJUST' AS transaction_type,
    chunk.points - locked.balance AS amount,
    locked.balance AS amount_before,
    chunk.points AS amount_after,
    %(description)s AS description,
    %(now)s AS created_date,
    chunk.import_id,
    chunk.line
FROM (
    SELECT site_id, import_id, line, contact_id, points
    FROM import_ready
    WHERE
        site_id = %(site_id)s AND import_id = %(import_id)s
        AND position > %(after)s AND position <= %(upto)s
        AND problem IS NULL
    ORDER BY position
    OFFSET 0
) AS chunk
CROSS JOIN
    LATERAL (
        -- OFFSET 0 keeps the comparison below outside, so that an account which already has the balance is locked too
        -- and cannot change under us.
        SELECT
            account.id,
            CASE WHEN account.created_date = %(now)s THEN 0 ELSE account.balance END AS balance,
            CASE WHEN account.created_date = %(now)s THEN account.revision ELSE account.revision + 1 END AS revision
        FROM account
        WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
        OFFSET 0
        FOR NO KEY UPDATE
    ) AS locked
WHERE locked.balance <> chunk.points;

-- name: note_unchanged
-- Outcomes of the rows whose balance already was that; a new account's was 0.
INSERT INTO import_row (site_id, import_id, line, outcome, email, points)
SELECT chunk.site_id, chunk.import_id, chunk.line, 'UNCHANGED' AS outcome, chunk.email, chunk.points
FROM import_ready AS chunk
CROSS JOIN
    LATERAL (
        SELECT account.id FROM account
        WHERE
            account.site_id = chunk.site_id AND account.id = chunk.contact_id AND account.balance = chunk.points
            AND (chunk.points = 0 OR account.created_date <> %(now)s)
        OFFSET 0
    ) AS unchanged
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position > %(after)s AND chunk.position <= %(upto)s
    AND chunk.problem IS NULL;

-- name: note_lost_contacts
-- Outcomes of the rows whose contact was deleted since they were judged.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT
    chunk.site_id, chunk.import_id, chunk.line, 'FAILED' AS outcome, 'CONTACT_NOT_FOUND' AS problem,
    chunk.email, chunk.points
FROM import_ready AS chunk
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position > %(after)s AND chunk.position <= %(upto)s
    AND chunk.problem IS NULL
    AND NOT EXISTS (
        SELECT FROM account WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
        OFFSET 0
    );

-- name: count_made
-- How many accounts are new here with a balance.
SELECT count(*) AS made
FROM import_ready AS chunk
CROSS JOIN
    LATERAL (
        SELECT account.id FROM account
        WHERE
            account.site_id = chunk.site_id AND account.id = chunk.contact_id
            AND account.created_date = %(now)s AND account.revision = 2
        OFFSET 0
    ) AS made
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position > %(after)s AND chunk.position <= %(upto)s
    AND chunk.problem IS NULL;

-- name: set_balances
-- The balances of the accounts that were there before, as the entries say. Written as an INSERT since that finds each
-- account by its key and leaves the planner no choice; every account is there and locked by now, so none is inserted.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT
    chunk.site_id,
    chunk.contact_id AS id,
    chunk.points AS balance,
    0 AS earned,
    chunk.points AS adjusted,
    0 AS redeemed,
    0 AS expired,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM import_ready AS chunk
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position > %(after)s AND chunk.position <= %(upto)s
    AND chunk.problem IS NULL
    AND EXISTS (
        SELECT FROM account WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
        OFFSET 0
    )
ORDER BY chunk.position
ON CONFLICT (site_id, id) DO UPDATE SET
    balance = excluded.balance,
    adjusted = account.adjusted + excluded.balance - account.balance,
    revision = account.revision + 1,
    updated_date = excluded.updated_date,
    last_activity_date = excluded.last_activity_date
WHERE account.balance <> excluded.balance;

-- name: note_not_reached
-- Outcomes of the rows that an import which had to stop did not come to.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT site_id, import_id, line, 'UNPROCESSED' AS outcome, 'NOT_REACHED' AS problem, email, points
FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND position > %(after)s AND problem IS NULL
ON CONFLICT (site_id, import_id, line) DO NOTHING;
