-- The floor: what an import does to the ledger, as one would write it by hand for one file that is parsed already, in one
-- session and one transaction, on the same tables. psql sets site, import and now; :file is put in before.

SET work_mem = '256MB';
BEGIN;

CREATE TEMP TABLE parsed (line bigint, email text, points bigint, problem text) ON COMMIT DROP;
\copy parsed FROM :file
ANALYZE parsed;

-- One sort by contact finds who stands twice and gives the order in which accounts are locked.
CREATE TEMP TABLE ready ON COMMIT DROP AS
SELECT
    line,
    contact_id,
    points,
    CASE
        WHEN problem IS NOT NULL THEN problem
        WHEN doubled THEN 'DUPLICATE_EMAIL'
        WHEN contact_id IS NULL THEN 'CONTACT_NOT_FOUND'
    END AS problem,
    email
FROM (
    SELECT
        parsed.*,
        contact.id AS contact_id,
        coalesce(parsed.email IN (lag(parsed.email) OVER by_contact, lead(parsed.email) OVER by_contact), FALSE) AS doubled
    FROM parsed
    LEFT JOIN contact ON contact.site_id = :'site' AND contact.email = parsed.email
    WINDOW by_contact AS (ORDER BY contact.id, parsed.email, parsed.line)
) AS neighbours;
ANALYZE ready;

INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT :'site', :'import', line, 'FAILED', problem, email, points FROM ready WHERE problem IS NOT NULL;

INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
SELECT :'site', contact.id, 0, 0, 0, 0, 0, 1, :'now', :'now', :'now'
FROM ready
INNER JOIN contact ON contact.site_id = :'site' AND contact.id = ready.contact_id
WHERE
    problem IS NULL
    AND NOT EXISTS (SELECT FROM account WHERE account.site_id = :'site' AND account.id = ready.contact_id)
ORDER BY contact.id
FOR KEY SHARE OF contact
ON CONFLICT DO NOTHING;
ANALYZE account;

-- Balances are read under the lock; entries are written first, accounts are updated after.
INSERT INTO transaction (
    site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after, description, created_date,
    import_id, line
)
SELECT
    :'site',
    (left(:'import', 28) || lpad(to_hex(line), 8, '0'))::uuid,
    id, revision + 1, 'ADJUST', points - balance, balance, points, 'Imported balance', :'now', :'import', line
FROM (
    SELECT ready.line, ready.points, account.id, account.balance, account.revision
    FROM ready
    INNER JOIN account ON account.site_id = :'site' AND account.id = ready.contact_id
    WHERE problem IS NULL
    ORDER BY account.id
    FOR NO KEY UPDATE OF account
) AS locked
WHERE points <> balance;

INSERT INTO import_row (site_id, import_id, line, outcome, email, points)
SELECT :'site', :'import', line, 'UNCHANGED', email, points
FROM ready
INNER JOIN account ON account.site_id = :'site' AND account.id = ready.contact_id
WHERE problem IS NULL AND account.balance = ready.points;

UPDATE account SET
    balance = entry.amount_after,
    adjusted = account.adjusted + entry.amount,
    revision = entry.revision,
    updated_date = entry.created_date,
    last_activity_date = entry.created_date
FROM transaction AS entry
WHERE
    entry.site_id = :'site'
    AND entry.id BETWEEN (left(:'import', 28) || '00000000')::uuid AND (left(:'import', 28) || 'ffffffff')::uuid
    AND account.site_id = :'site' AND account.id = entry.account_id;

SELECT count(*), sum(amount) FILTER (WHERE amount > 0), sum(amount) FILTER (WHERE amount < 0)
FROM transaction
WHERE
    site_id = :'site'
    AND id BETWEEN (left(:'import', 28) || '00000000')::uuid AND (left(:'import', 28) || 'ffffffff')::uuid;
COMMIT;
