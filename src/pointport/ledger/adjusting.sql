-- Many accounts changed in the background, a chunk of them in a transaction. A chunk is walked in the order of the
-- accounts' ids, which is the order in which everybody locks them, and each is looked up by its key: as in an import's
-- chunk, statistics have no say (imports/applying.sql).

-- name: insert_job
-- A new job.
INSERT INTO async_job (
    site_id, id, status, balance, amount, filter, search, items_succeeded, items_failed, created_date, updated_date
)
VALUES (
    %(site_id)s, %(id)s, 'INITIALIZED', %(balance)s, %(amount)s, %(filter)s, %(search)s, 0, 0, %(now)s, %(now)s
);

-- name: find_job
-- A job as it is.
SELECT * FROM async_job WHERE site_id = %(site_id)s AND id = %(id)s;

-- name: lock_job
-- A job, held against every other hand.
SELECT * FROM async_job WHERE site_id = %(site_id)s AND id = %(id)s FOR NO KEY UPDATE;

-- name: settle_items
-- The accounts that it is to change: those that the caller's filter and search choose now.
INSERT INTO async_job_item (site_id, job_id, account_id)
SELECT account.site_id, %(id)s AS job_id, account.id
FROM account
WHERE account.site_id = %(site_id)s AND {where};

-- name: begin_job
-- INITIALIZED to PROCESSING.
UPDATE async_job SET status = 'PROCESSING', items_to_process = %(items)s, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'INITIALIZED'
RETURNING *;

-- name: find_chunk
-- The last account of the next chunk, and how many accounts it has.
SELECT chunk.account_id AS upto, count(*) OVER (PARTITION BY chunk.site_id) AS items
FROM (
    SELECT site_id, account_id FROM async_job_item
    WHERE site_id = %(site_id)s AND job_id = %(id)s AND (%(after)s::uuid IS NULL OR account_id > %(after)s)
    ORDER BY account_id
    LIMIT %(chunk_rows)s
) AS chunk
ORDER BY chunk.account_id DESC
LIMIT 1;

-- name: note_impossible
-- Lock the accounts in the order of their ids, and mark those that stay as they are. Written as an INSERT since that
-- finds each item by its key: an UPDATE would join the chunk with itself, and read all of it again for each account.
INSERT INTO async_job_item (site_id, job_id, account_id, problem)
SELECT
    item.site_id,
    item.job_id,
    item.account_id,
    CASE WHEN locked.wanted < 0 THEN 'BALANCE_WOULD_BE_NEGATIVE' ELSE 'BALANCE_TOO_LARGE' END AS problem
FROM (
    SELECT site_id, job_id, account_id FROM async_job_item
    WHERE
        site_id = %(site_id)s AND job_id = %(id)s
        AND (%(after)s::uuid IS NULL OR account_id > %(after)s) AND account_id <= %(upto)s
    ORDER BY account_id
    OFFSET 0
) AS item
CROSS JOIN
    LATERAL (
        -- OFFSET 0 keeps the comparison below outside, so that an account which can be changed is locked too.
        SELECT coalesce(%(balance)s::bigint, account.balance + %(amount)s::bigint) AS wanted FROM account
        WHERE account.site_id = item.site_id AND account.id = item.account_id
        OFFSET 0
        FOR NO KEY UPDATE
    ) AS locked
WHERE locked.wanted < 0 OR locked.wanted > %(points_max)s
ON CONFLICT (site_id, job_id, account_id) DO UPDATE SET problem = excluded.problem;

-- name: write_job_entries
-- An entry for each balance that changes. Its id and key are made of job and account, so none is written twice.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
    description, created_date, idempotency_key
)
SELECT
    item.site_id,
    md5(item.job_id::text || item.account_id::text)::uuid AS id,
    item.account_id,
    found.revision + 1 AS revision,
    'ADJUST' AS transaction_type,
    found.wanted - found.balance AS amount,
    found.balance AS amount_before,
    found.wanted AS amount_after,
    %(description)s AS description,
    %(now)s AS created_date,
    item.job_id::text || ':' || item.account_id::text AS idempotency_key
FROM (
    SELECT site_id, job_id, account_id FROM async_job_item
    WHERE
        site_id = %(site_id)s AND job_id = %(id)s
        AND (%(after)s::uuid IS NULL OR account_id > %(after)s) AND account_id <= %(upto)s
        AND problem IS NULL
    ORDER BY account_id
    OFFSET 0
) AS item
CROSS JOIN
    LATERAL (
        SELECT
            account.balance,
            account.revision,
            coalesce(%(balance)s::bigint, account.balance + %(amount)s::bigint) AS wanted
        FROM account
        WHERE account.site_id = item.site_id AND account.id = item.account_id
        OFFSET 0
    ) AS found
WHERE found.wanted <> found.balance;

-- name: set_job_balances
-- The balances that the entries lead to. Written as an INSERT since that finds each account by its key; every account
-- is there and locked by now, so none is inserted.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT
    item.site_id,
    item.account_id AS id,
    found.wanted AS balance,
    0 AS earned,
    found.wanted AS adjusted,
    0 AS redeemed,
    0 AS expired,
    1 AS revision,
    %(now)s AS created_date,
    %(now)s AS updated_date,
    %(now)s AS last_activity_date
FROM (
    SELECT site_id, account_id FROM async_job_item
    WHERE
        site_id = %(site_id)s AND job_id = %(id)s
        AND (%(after)s::uuid IS NULL OR account_id > %(after)s) AND account_id <= %(upto)s
        AND problem IS NULL
    ORDER BY account_id
    OFFSET 0
) AS item
CROSS JOIN
    LATERAL (
        SELECT coalesce(%(balance)s::bigint, account.balance + %(amount)s::bigint) AS wanted
        FROM account
        WHERE account.site_id = item.site_id AND account.id = item.account_id
        OFFSET 0
    ) AS found
ON CONFLICT (site_id, id) DO UPDATE SET
    balance = excluded.balance,
    adjusted = account.adjusted + excluded.balance - account.balance,
    revision = account.revision + 1,
    updated_date = excluded.updated_date,
    last_activity_date = excluded.last_activity_date
WHERE account.balance <> excluded.balance;

-- name: note_job_chunk
-- The accounts up to one are done.
UPDATE async_job SET
    items_succeeded = items_succeeded + %(succeeded)s, items_failed = items_failed + %(failed)s,
    done_through = %(upto)s, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'PROCESSING'
RETURNING *;

-- name: finish_job
-- PROCESSING to FINISHED.
UPDATE async_job SET status = 'FINISHED', finished_date = %(now)s, updated_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s AND status = 'PROCESSING';

-- name: fail_job
-- The end of a job that cannot go on; one that has not begun had nothing to do.
UPDATE async_job SET
    status = 'FAILED', failure_message = %(message)s, finished_date = %(now)s, updated_date = %(now)s,
    items_to_process = coalesce(items_to_process, 0)
WHERE site_id = %(site_id)s AND id = %(id)s AND status IN ('INITIALIZED', 'PROCESSING');

-- name: first_job_failures
-- The first accounts that stayed as they were.
SELECT account_id, problem FROM async_job_item
WHERE site_id = %(site_id)s AND job_id = %(id)s AND problem IS NOT NULL
ORDER BY account_id
LIMIT %(limit)s;

-- name: find_lost_jobs
-- Jobs that nobody is at work on: all sites, for the owner, who names the site_id of each in what follows.
SELECT site_id, id FROM async_job
WHERE
    status IN ('INITIALIZED', 'PROCESSING')
    AND updated_date < %(before)s
    AND id <> all(%(at_work)s)
LIMIT 100;
