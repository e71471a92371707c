-- Events of many accounts at once, in the transaction that changed them all: those with an entry of this very moment,
-- and those made in it. The indexes on the two dates lead to them, and from each the account and its contact are looked
-- up by their key: as in an import's chunk, statistics have no say (imports/applying.sql).
-- What nobody wants to hear of is not looked for at all, be the index found or not.

-- name: insert_account_events
-- For each entry that the account and its points have changed; for each new account that it was made. A new one is told
-- of as it was at first, without points, since an import that makes an account sets its balance in the same breath: the
-- event of the entry then comes behind it. The ids count on from the batch's first.
INSERT INTO event (site_id, id, event_type, entity_id, sequence, payload, actor, created_date)
SELECT
    told.site_id,
    (
        left(%(first_id)s::text, 28)
        || lpad(to_hex(row_number() OVER (PARTITION BY told.site_id ORDER BY told.id, told.event_type)), 8, '0')
    )::uuid AS id,
    told.event_type,
    told.id AS entity_id,
    told.revision AS sequence,
    to_jsonb(told) - 'event_type' AS payload,
    %(actor)s AS actor,
    %(now)s AS created_date
FROM (
    SELECT
        account.site_id, account.id, account.balance, account.earned, account.adjusted, account.redeemed,
        account.expired, account.revision, account.created_date, account.updated_date, account.last_activity_date,
        owner.email, owner.first_name, owner.last_name, kind.event_type
    FROM (
        SELECT site_id, account_id FROM transaction
        WHERE
            site_id = %(site_id)s AND created_date = %(now)s
            AND (import_id = %(cause_id)s OR starts_with(idempotency_key, %(cause_id)s::text || ':'))
            AND cardinality(%(changed_types)s::text[]) > 0
        OFFSET 0
    ) AS entry
    CROSS JOIN
        LATERAL (
            SELECT account.* FROM account
            WHERE account.site_id = entry.site_id AND account.id = entry.account_id
            OFFSET 0
        ) AS account
    CROSS JOIN
        LATERAL (
            SELECT contact.email, contact.first_name, contact.last_name FROM contact
            WHERE contact.site_id = entry.site_id AND contact.id = entry.account_id
            OFFSET 0
        ) AS owner
    CROSS JOIN unnest(%(changed_types)s::text[]) AS kind (event_type)
    UNION ALL
    SELECT
        made.site_id, made.id, 0 AS balance, 0 AS earned, 0 AS adjusted, 0 AS redeemed, 0 AS expired,
        1 AS revision, made.created_date, made.updated_date, made.last_activity_date,
        owner.email, owner.first_name, owner.last_name, kind.event_type
    FROM (
        SELECT site_id, id, created_date, updated_date, last_activity_date FROM account
        WHERE site_id = %(site_id)s AND created_date = %(now)s AND cardinality(%(created_types)s::text[]) > 0
        OFFSET 0
    ) AS made
    CROSS JOIN
        LATERAL (
            SELECT contact.email, contact.first_name, contact.last_name FROM contact
            WHERE contact.site_id = made.site_id AND contact.id = made.id
            OFFSET 0
        ) AS owner
    CROSS JOIN unnest(%(created_types)s::text[]) AS kind (event_type)
) AS told;
