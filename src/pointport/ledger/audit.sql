-- Proofs. Each gives the first offenders with what is wrong, and how many there are in all; none when all is well.

-- name: balances_equal_entries
-- Every balance is the sum of its entries, and every part of it too.
SELECT
    account.id AS subject,
    format(
        'balance %%s, sum of entries %%s, revision %%s, last entry %%s after %%s entries',
        account.balance, coalesce(entries.total, 0), account.revision, coalesce(entries.last_revision, 1),
        coalesce(entries.entry_count, 0)
    ) AS finding,
    count(*) OVER (PARTITION BY account.site_id) AS findings
FROM account
LEFT JOIN (
    SELECT
        site_id,
        account_id,
        sum(amount) AS total,
        coalesce(sum(amount) FILTER (WHERE transaction_type IN ('EARN', 'REFUND')), 0) AS earned,
        coalesce(sum(amount) FILTER (WHERE transaction_type = 'ADJUST'), 0) AS adjusted,
        coalesce(sum(amount) FILTER (WHERE transaction_type = 'REDEEM'), 0) AS redeemed,
        coalesce(sum(amount) FILTER (WHERE transaction_type = 'EXPIRE'), 0) AS expired,
        max(revision) AS last_revision,
        count(*) AS entry_count
    FROM transaction
    WHERE site_id = %(site_id)s
    GROUP BY site_id, account_id
) AS entries ON account.site_id = entries.site_id AND account.id = entries.account_id
WHERE
    account.site_id = %(site_id)s
    AND (
        account.balance <> coalesce(entries.total, 0)
        OR account.adjusted <> coalesce(entries.adjusted, 0)
        OR account.earned - account.redeemed
        <> coalesce(entries.earned, 0) + coalesce(entries.redeemed, 0)
        OR account.expired <> -coalesce(entries.expired, 0)
        OR account.revision <> coalesce(entries.last_revision, 1)
        OR coalesce(entries.entry_count, 0) <> coalesce(entries.last_revision, 1) - 1
    )
LIMIT 10;

-- name: entries_follow
-- Each entry begins where the one before it ended, and the first at 0.
SELECT
    steps.id AS subject,
    format('begins at %%s, but the entry before it ended at %%s', steps.amount_before, steps.ended_at) AS finding,
    count(*) OVER (PARTITION BY steps.site_id) AS findings
FROM (
    SELECT
        site_id,
        id,
        amount_before,
        lag(amount_after, 1, 0::bigint) OVER (PARTITION BY site_id, account_id ORDER BY revision) AS ended_at
    FROM transaction
    WHERE site_id = %(site_id)s
) AS steps
WHERE steps.amount_before <> steps.ended_at
LIMIT 10;

-- name: entries_have_accounts
-- No entry without its account.
SELECT
    transaction.id AS subject,
    format('account %%s does not exist', transaction.account_id) AS finding,
    count(*) OVER (PARTITION BY transaction.site_id) AS findings
FROM transaction
LEFT JOIN account ON transaction.site_id = account.site_id AND transaction.account_id = account.id
WHERE transaction.site_id = %(site_id)s AND account.id IS NULL
LIMIT 10;

-- name: accounts_have_contacts
-- No account without its contact.
SELECT
    account.id AS subject,
    'it has no contact' AS finding,
    count(*) OVER (PARTITION BY account.site_id) AS findings
FROM account
LEFT JOIN contact ON account.site_id = contact.site_id AND account.id = contact.id
WHERE account.site_id = %(site_id)s AND contact.id IS NULL
LIMIT 10;
