-- One chunk of rows into the ledger. The statements run in this order, in one transaction.
--
-- A fresh table has no statistics, and older ones know nothing of a new site: the planner may well turn a join round
-- and read the chunk once for every account, or the other way about. So no statement here leaves it a choice: each
-- walks the chunk in the order of its contacts, which is the order of the accounts' ids, and looks up one account for
-- each row (OFFSET 0 keeps a subquery from becoming a join). What dense chunks have instead is in in_step.sql. Nothing
-- asks the time or makes an id by itself, so that it runs on Citus too. An entry's id is made of the import's first 96
-- bits and the line (ledger/transactions.py): the cast to text and back is that.

-- name: look_up
-- One row at a time by index, whatever the statistics say.
SET LOCAL enable_nestloop = on;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: count_rows
-- How many rows of the chunk there are to apply, how many of them are taken to have an account, of how many the contact
-- is to be made, and between which contacts all others are.
SELECT
    count(*) AS good,
    count(*) FILTER (WHERE chunk.has_account) AS with_account,
    count(*) FILTER (WHERE chunk.is_new) AS new,
    (
        SELECT ready.contact_id FROM import_ready AS ready
        WHERE
            ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
            AND ready.position BETWEEN %(first)s AND %(last)s
            AND ready.problem IS NULL AND NOT ready.is_new AND ready.contact_id IS NOT NULL
        ORDER BY ready.position
        LIMIT 1
    ) AS first_contact_id,
    (
        SELECT ready.contact_id FROM import_ready AS ready
        WHERE
            ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
            AND ready.position BETWEEN %(first)s AND %(last)s
            AND ready.problem IS NULL AND NOT ready.is_new AND ready.contact_id IS NOT NULL
        ORDER BY ready.position DESC
        LIMIT 1
    ) AS last_contact_id
FROM import_ready AS chunk
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position BETWEEN %(first)s AND %(last)s
    AND chunk.problem IS NULL;

-- name: lock_accounts
-- Lock the accounts that were there before in the order of their ids, so that their balances can be judged.
SELECT count(*) AS accounts
FROM (
    SELECT site_id, contact_id
    FROM import_ready
    WHERE
        site_id = %(site_id)s AND import_id = %(import_id)s
        AND position BETWEEN %(first)s AND %(last)s
        AND problem IS NULL
    ORDER BY position
    OFFSET 0
) AS chunk
CROSS JOIN
    LATERAL (
        SELECT account.id
        FROM account
        WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
        OFFSET 0
        FOR NO KEY UPDATE
    ) AS locked;

-- name: judge_balances
-- Where points are added: the rows that would leave no balance that an account can have. Where they are taken back and
-- are spent already, as much is taken as there is, if that is wanted. Written as an INSERT for the same reason as
-- set_balances: every row is there.
INSERT INTO import_ready (
    site_id, import_id, position, line, contact_id, email, points, problem, doubled, has_account, is_new
)
SELECT
    foreseen.site_id,
    foreseen.import_id,
    foreseen.position,
    foreseen.line,
    foreseen.contact_id,
    foreseen.email,
    CASE
        WHEN %(when_negative)s = 'CLAMP' AND foreseen.balance + foreseen.points < 0 AND foreseen.balance > 0
            THEN -foreseen.balance
        ELSE foreseen.points
    END AS points,
    CASE
        WHEN foreseen.balance + foreseen.points > %(points_max)s THEN 'BALANCE_TOO_LARGE'
        WHEN %(when_negative)s = 'REFUSE' THEN 'BALANCE_WOULD_BE_NEGATIVE'
        WHEN %(when_negative)s = 'SKIP' OR foreseen.balance = 0 THEN 'POINTS_SPENT'
    END AS problem,
    foreseen.doubled,
    foreseen.has_account,
    foreseen.is_new
FROM (
    SELECT
        chunk.site_id,
        chunk.import_id,
        chunk.position,
        chunk.line,
        chunk.contact_id,
        chunk.email,
        chunk.points,
        chunk.doubled,
        chunk.has_account,
        chunk.is_new,
        coalesce(account.balance, 0) AS balance
    FROM import_ready AS chunk
    LEFT JOIN
        LATERAL (
            SELECT account.balance FROM account
            WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
            OFFSET 0
        ) AS account
        ON TRUE
    WHERE
        chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
        AND chunk.position BETWEEN %(first)s AND %(last)s
        AND chunk.problem IS NULL
        AND coalesce(account.balance, 0) + chunk.points NOT BETWEEN 0 AND %(points_max)s
    OFFSET 0
) AS foreseen
ON CONFLICT (site_id, import_id, position) DO UPDATE SET
    points = excluded.points,
    problem = excluded.problem;

-- name: note_refused
-- Their outcomes, with the balance that stood in the way.
INSERT INTO import_row (
    site_id, import_id, line, outcome, problem, detail, email, points, account_id, balance_before
)
SELECT
    chunk.site_id,
    chunk.import_id,
    chunk.line,
    'FAILED' AS outcome,
    chunk.problem,
    jsonb_build_object('balance', coalesce(account.balance, 0), 'amount', abs(chunk.points)) AS detail,
    chunk.email,
    chunk.points,
    account.id AS account_id,
    coalesce(account.balance, 0) AS balance_before
FROM import_ready AS chunk
LEFT JOIN
    LATERAL (
        SELECT account.id, account.balance FROM account
        WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
        OFFSET 0
    ) AS account
    ON TRUE
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.position BETWEEN %(first)s AND %(last)s
    AND chunk.problem IN ('BALANCE_WOULD_BE_NEGATIVE', 'BALANCE_TOO_LARGE', 'POINTS_SPENT')
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: write_entries
-- Lock the accounts that were there before in the order of their ids, and write an entry for each balance that changes.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, created_date, import_id, line
)
SELECT
    chunk.site_id,
    (left(chunk.import_id::text, 28) || lpad(to_hex(chunk.line), 8, '0'))::uuid AS id,
    locked.id AS account_id,
    locked.revision + 1 AS revision,
    'ADJUST' AS transaction_type,
    CASE WHEN %(adds)s THEN chunk.points ELSE chunk.points - locked.balance END AS amount,
    locked.balance AS amount_before,
    CASE WHEN %(adds)s THEN locked.balance + chunk.points ELSE chunk.points END AS amount_after,
    %(description)s AS description,
    %(now)s AS created_date,
    chunk.import_id,
    chunk.line
FROM (
    SELECT site_id, import_id, line, contact_id, points
    FROM import_ready
    WHERE
        site_id = %(site_id)s AND import_id = %(import_id)s
        AND position BETWEEN %(first)s AND %(last)s
        AND problem IS NULL AND has_account
    ORDER BY position
    OFFSET 0
) AS chunk
CROSS JOIN
    LATERAL (
        -- OFFSET 0 keeps the comparison below outside, so that an account which already has the balance is locked too
        -- and cannot change under us.
        SELECT account.id, account.balance, account.revision
        FROM account
        WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
        OFFSET 0
        FOR NO KEY UPDATE
    ) AS locked
WHERE chunk.points <> CASE WHEN %(adds)s THEN 0 ELSE locked.balance END;

-- name: find_accounts
-- The rows that were taken to have no account, and have one.
UPDATE import_ready SET has_account = TRUE
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND NOT has_account
    AND EXISTS (
        SELECT FROM account
        WHERE account.site_id = import_ready.site_id AND account.id = import_ready.contact_id
        OFFSET 0
    );

-- name: find_missing_accounts
-- The rows that were taken to have an account, and have none.
UPDATE import_ready SET has_account = FALSE
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND has_account
    AND NOT EXISTS (
        SELECT FROM account
        WHERE account.site_id = import_ready.site_id AND account.id = import_ready.contact_id
        OFFSET 0
    );

-- name: create_contacts
-- The contacts that the import is to make, in the order of their addresses. Should somebody else have made one
-- meanwhile, its row finds no contact of its own, and is lost (find_lost_contacts).
INSERT INTO contact (site_id, id, email, first_name, last_name, revision, created_date, updated_date)
SELECT
    site_id,
    contact_id AS id,
    email,
    '' AS first_name,
    '' AS last_name,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND is_new
ORDER BY position
ON CONFLICT (site_id, email) DO NOTHING;

-- name: create_accounts
-- An account for each contact that had none, with its balance at once. The contact is locked against being deleted
-- meanwhile. No ON CONFLICT, which costs as much as two indexes: should somebody else have made one of the accounts,
-- the statement is refused, `find_accounts` looks who has one, and it is tried again.
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
    SELECT site_id, contact_id, points
    FROM import_ready
    WHERE
        site_id = %(site_id)s AND import_id = %(import_id)s
        AND position BETWEEN %(first)s AND %(last)s
        AND problem IS NULL AND NOT has_account
    ORDER BY position
    OFFSET 0
) AS chunk
CROSS JOIN
    LATERAL (
        SELECT contact.id FROM contact
        WHERE contact.site_id = chunk.site_id AND contact.id = chunk.contact_id
        FOR KEY SHARE
    ) AS owner;

-- name: find_lost_contacts
-- The rows whose contact was deleted since they were judged, or made by somebody else: they still have no account.
UPDATE import_ready SET problem = CASE WHEN is_new THEN 'CONTACT_CHANGED' ELSE 'CONTACT_NOT_FOUND' END
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND NOT has_account
    AND NOT EXISTS (
        SELECT FROM account
        WHERE account.site_id = import_ready.site_id AND account.id = import_ready.contact_id
        OFFSET 0
    );

-- name: note_lost_contacts
-- Their outcomes; those that were found unknown before have theirs.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT site_id, import_id, line, 'FAILED' AS outcome, problem, email, points
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IN ('CONTACT_NOT_FOUND', 'CONTACT_CHANGED')
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: write_first_entries
-- An entry for each new account that has points. Nobody else sees the account yet, so nothing is looked up.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, created_date, import_id, line
)
SELECT
    site_id,
    (left(import_id::text, 28) || lpad(to_hex(line), 8, '0'))::uuid AS id,
    contact_id AS account_id,
    2 AS revision,
    'ADJUST' AS transaction_type,
    points AS amount,
    0 AS amount_before,
    points AS amount_after,
    %(description)s AS description,
    %(now)s AS created_date,
    import_id,
    line
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND NOT has_account AND points <> 0
ORDER BY position;

-- name: note_unchanged
-- Outcomes of the rows whose balance already was that; a new account's was 0. They are those without an entry.
INSERT INTO import_row (
    site_id, import_id, line, outcome, email, points, account_id, balance_before, balance_after
)
SELECT
    unchanged.site_id,
    unchanged.import_id,
    unchanged.line,
    'UNCHANGED' AS outcome,
    unchanged.email,
    unchanged.points,
    unchanged.contact_id AS account_id,
    unchanged.balance AS balance_before,
    unchanged.balance AS balance_after
FROM (
    SELECT
        chunk.site_id,
        chunk.import_id,
        chunk.line,
        chunk.email,
        chunk.points,
        chunk.contact_id,
        CASE
            WHEN NOT %(adds)s THEN chunk.points
            ELSE (
                SELECT account.balance FROM account
                WHERE account.site_id = chunk.site_id AND account.id = chunk.contact_id
            )
        END AS balance
    FROM import_ready AS chunk
    WHERE
        chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
        AND chunk.position BETWEEN %(first)s AND %(last)s
        AND chunk.problem IS NULL
        AND NOT EXISTS (
            SELECT FROM transaction
            WHERE
                transaction.site_id = chunk.site_id
                AND transaction.id = (left(chunk.import_id::text, 28) || lpad(to_hex(chunk.line), 8, '0'))::uuid
            OFFSET 0
        )
) AS unchanged;

-- name: set_balances
-- The balances of the accounts that were there before, as the entries say. Written as an INSERT since that finds each
-- account by its key and leaves the planner no choice; every account is there and locked by now, so none is inserted.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT
    site_id,
    contact_id AS id,
    points AS balance,
    0 AS earned,
    points AS adjusted,
    0 AS redeemed,
    0 AS expired,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND position BETWEEN %(first)s AND %(last)s
    AND problem IS NULL AND has_account
ORDER BY position
ON CONFLICT (site_id, id) DO UPDATE SET
    balance = excluded.balance,
    adjusted = account.adjusted + excluded.balance - account.balance,
    revision = account.revision + 1,
    updated_date = excluded.updated_date,
    last_activity_date = excluded.last_activity_date
WHERE account.balance <> excluded.balance;

-- name: add_balances
-- Likewise where points were added: the balances stand in the entries, since what is inserted must be one by itself.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT
    chunk.site_id,
    chunk.contact_id AS id,
    entry.amount_after AS balance,
    0 AS earned,
    entry.amount_after AS adjusted,
    0 AS redeemed,
    0 AS expired,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM (
    SELECT site_id, import_id, line, contact_id
    FROM import_ready
    WHERE
        site_id = %(site_id)s AND import_id = %(import_id)s
        AND position BETWEEN %(first)s AND %(last)s
        AND problem IS NULL AND has_account AND points <> 0
    ORDER BY position
    OFFSET 0
) AS chunk
CROSS JOIN
    LATERAL (
        SELECT transaction.amount_after FROM transaction
        WHERE
            transaction.site_id = chunk.site_id
            AND transaction.id = (left(chunk.import_id::text, 28) || lpad(to_hex(chunk.line), 8, '0'))::uuid
        OFFSET 0
    ) AS entry
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
SELECT
    ready.site_id, ready.import_id, ready.line, 'UNPROCESSED' AS outcome, %(problem)s AS problem,
    ready.email, ready.points
FROM import_chunk AS chunk
INNER JOIN import_ready AS ready
    ON
        chunk.site_id = ready.site_id AND chunk.import_id = ready.import_id
        AND ready.position BETWEEN chunk.first_position AND chunk.last_position
WHERE
    chunk.site_id = %(site_id)s AND chunk.import_id = %(import_id)s
    AND chunk.applied_date IS NULL
    AND ready.problem IS NULL
ON CONFLICT (site_id, import_id, line) DO NOTHING;
