-- Accounts and their points. An account's id is its contact's, and what is read of it comes with the contact.

-- name: find_account
-- A contact's account.
SELECT account.*, contact.email, contact.first_name, contact.last_name
FROM account
INNER JOIN contact ON account.site_id = contact.site_id AND account.id = contact.id
WHERE account.site_id = %(site_id)s AND account.id = %(id)s;

-- name: lock_account
-- A contact's account, held against every other change of its points.
SELECT account.*, contact.email, contact.first_name, contact.last_name
FROM account
INNER JOIN contact ON account.site_id = contact.site_id AND account.id = contact.id
WHERE account.site_id = %(site_id)s AND account.id = %(id)s
FOR NO KEY UPDATE OF account;

-- name: lock_owner
-- A contact, held against being deleted while its account is made.
SELECT id FROM contact WHERE site_id = %(site_id)s AND id = %(id)s FOR KEY SHARE;

-- name: insert_account
-- A new account at 0, unless the contact has one.
INSERT INTO account (
    site_id, id, balance, earned, adjusted, redeemed, expired, revision, created_date, updated_date, last_activity_date
)
VALUES (%(site_id)s, %(id)s, 0, 0, 0, 0, 0, 1, %(now)s, %(now)s, %(now)s)
ON CONFLICT (site_id, id) DO NOTHING;

-- name: change_points
-- The account after an entry, whose revision it takes.
UPDATE account SET
    balance = balance + %(earned)s + %(adjusted)s, earned = earned + %(earned)s, adjusted = adjusted + %(adjusted)s,
    revision = revision + 1, updated_date = %(now)s, last_activity_date = %(now)s
WHERE site_id = %(site_id)s AND id = %(id)s
RETURNING *;

-- name: query_accounts
-- A page of a site's accounts, and then the contacts of those alone; OFFSET 0 has them looked up one by one.
SELECT
    page.*,
    contact.email,
    contact.first_name,
    contact.last_name
FROM (
    SELECT account.*, {keys}
    FROM account
    WHERE account.site_id = %(site_id)s AND {where}
    ORDER BY {order_by}
    LIMIT {limit}
) AS page
CROSS JOIN
    LATERAL (
        SELECT
            contact.email,
            contact.first_name,
            contact.last_name
        FROM contact
        WHERE contact.site_id = page.site_id AND contact.id = page.id
        OFFSET 0
    ) AS contact
ORDER BY {page_order}; -- noqa: AM06,RF02

-- name: query_customers
-- A page of a site's contacts, and then the accounts of those alone; who has none has no balance.
SELECT
    page.*,
    account.balance,
    account.earned,
    account.adjusted,
    account.redeemed,
    account.expired
FROM (
    SELECT
        contact.site_id,
        contact.id,
        contact.email,
        contact.first_name,
        contact.last_name,
        {keys}
    FROM contact
    WHERE contact.site_id = %(site_id)s AND {where}
    ORDER BY {order_by}
    LIMIT {limit}
) AS page
LEFT JOIN
    LATERAL (
        SELECT
            account.balance,
            account.earned,
            account.adjusted,
            account.redeemed,
            account.expired
        FROM account
        WHERE account.site_id = page.site_id AND account.id = page.id
        OFFSET 0
    ) AS account
    ON TRUE
ORDER BY {page_order}; -- noqa: AM06,RF02

-- name: count_accounts
-- How many of a site's accounts a filter and a free-text search choose.
SELECT count(*) AS accounts
FROM account
WHERE account.site_id = %(site_id)s AND {where};

-- name: totals
-- The points of a whole site.
SELECT
    count(*) AS accounts,
    coalesce(sum(balance), 0)::bigint AS balance,
    coalesce(sum(earned), 0)::bigint AS earned,
    coalesce(sum(adjusted), 0)::bigint AS adjusted,
    coalesce(sum(redeemed), 0)::bigint AS redeemed,
    coalesce(sum(expired), 0)::bigint AS expired
FROM account
WHERE site_id = %(site_id)s;
