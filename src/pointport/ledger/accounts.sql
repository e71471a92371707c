-- Accounts and their points.

-- name: find
-- A contact's account; its id is the contact's.
SELECT
    id, balance, earned, adjusted, redeemed, expired, revision,
    created_date, updated_date, last_activity_date
FROM account
WHERE site_id = %(site_id)s AND id = %(contact_id)s;

-- name: totals
-- The points of a whole site.
SELECT
    count(*) AS accounts,
    coalesce(sum(balance), 0)::bigint AS balance
FROM account
WHERE site_id = %(site_id)s;
